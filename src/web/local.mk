# The metrics are tandemctl's as well.
noinst_LIBRARIES += libmetrics.a
libmetrics_a_SOURCES = \
	src/web/metric_table.c src/web/metric_table.h \
	src/web/metrics.c src/web/metrics.h
