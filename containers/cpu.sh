# The CPU class of the image: x86-64-v3, every machine of the last ten years. What numba compiles,
# which of its loops numpy takes, and which kernels OpenBLAS takes, is fixed here, in the image and for
# its jobs: the compiled kernels of the image serve all machines, and all of them compute the same
# bits. libm needs no word: within the class it has one variant of each function.
case $(uname -m) in
  x86_64)
    export NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=
    export NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR"
    export OPENBLAS_CORETYPE=Haswell
    ;;
esac
