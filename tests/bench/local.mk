# tests/bench
EXTRA_DIST += tests/bench/checker_bench.py tests/bench/http_checks_bench.py
# Programs that need a kernel with IPVS: built by `make check`, run by the lab.
check_PROGRAMS += tests/bench/ipvs_bench tests/bench/ipvs_churn tests/bench/ipvs_kernel_check \
	tests/bench/ipvs_random_check
BENCH_LDADD = libio.a libcore.a libbase.a $(NL_GENL_LIBS) $(NL_LIBS)
tests_bench_ipvs_bench_SOURCES = tests/bench/ipvs_bench.c tests/bench/ipvs_bare.c tests/bench/ipvs_bare.h \
	tests/bench/own_netns.c tests/bench/own_netns.h
tests_bench_ipvs_bench_LDADD = $(BENCH_LDADD)
tests_bench_ipvs_kernel_check_SOURCES = tests/bench/ipvs_kernel_check.c \
	tests/bench/kernel_check.h tests/bench/own_netns.c tests/bench/own_netns.h
tests_bench_ipvs_kernel_check_LDADD = $(BENCH_LDADD)
tests_bench_ipvs_random_check_SOURCES = tests/bench/ipvs_random_check.c \
	tests/bench/kernel_check.h tests/bench/own_netns.c tests/bench/own_netns.h \
	tests/ipvs_tables.c tests/ipvs_tables.h
tests_bench_ipvs_random_check_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_ipvs_random_check_LDADD = $(BENCH_LDADD)
tests_bench_ipvs_churn_SOURCES = tests/bench/ipvs_churn.c
tests_bench_ipvs_churn_LDADD = $(BENCH_LDADD)
dist_check_SCRIPTS += tests/bench/ipvs_bench.py tests/bench/whole_bench.py
check_PROGRAMS += tests/bench/start_bench
tests_bench_start_bench_SOURCES = tests/bench/start_bench.c src/director/table/desired.c \
	src/director/pair/overrides.c src/director/health/pools.c src/director/table/record.c src/director/health/targets.c src/director/health/check_wire.c \
	src/director/health/views.c
tests_bench_start_bench_LDADD = libio.a $(LIBCONF) $(NL_GENL_LIBS) $(NL_LIBS)
check_PROGRAMS += tests/bench/link_bench
tests_bench_link_bench_SOURCES = tests/bench/link_bench.c
tests_bench_link_bench_LDADD = liblink.a libcore.a libbase.a $(OPENSSL_LIBS)
check_PROGRAMS += tests/bench/conntrack_check
tests_bench_conntrack_check_SOURCES = tests/bench/conntrack_check.c tests/bench/kernel_check.h
tests_bench_conntrack_check_LDADD = $(BENCH_LDADD)
check_PROGRAMS += tests/bench/shadow_bench
tests_bench_shadow_bench_SOURCES = tests/bench/shadow_bench.c src/link/shadow.c
tests_bench_shadow_bench_LDADD = libcore.a libbase.a
