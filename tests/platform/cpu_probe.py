"""Print digests of results whose last bits depend on the instructions that numpy and BLAS take."""

import hashlib
import json

import numpy as np


def _digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


values = np.random.Generator(np.random.Philox(7)).uniform(0.1, 9.0, (300, 300))
results = {
    name: _digest(getattr(np, name)(values))
    for name in ("exp", "log", "log1p", "cbrt", "sin", "tan", "arctan", "tanh", "sqrt")
}
results |= {
    f"{name}_float32": _digest(getattr(np, name)(values.astype("f4")))
    for name in ("exp", "log", "sin", "cos", "arctan")
}
results["power"] = _digest(values**values.T)
results["arctan2"] = _digest(np.arctan2(values, values.T))
results["sums"] = _digest(values.sum(axis=0))
results["product"] = _digest(values @ values)
results["solution"] = _digest(np.linalg.solve(values, values[:, 0]))
results["singular_values"] = _digest(np.linalg.svd(values)[1])
print(json.dumps(results))
