# The CPU that kernels are compiled for, in the image and by its jobs: then the image's compiled
# kernels serve every machine of the last ten years, and all of them compute the same bits.
case $(uname -m) in
  x86_64) export NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES= ;;
esac
