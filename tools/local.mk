EXTRA_DIST += tools/common.sh tools/demo tools/test .ci/run
