"""Snakemake executor for DIRAC grids."""

from snakemake_executor_plugin_dirac.executor import Executor
from snakemake_executor_plugin_dirac.settings import ExecutorSettings, common_settings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]
