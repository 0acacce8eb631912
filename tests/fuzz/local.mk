# tests/fuzz
# One target per parser. `make check` replays each corpus.
check_PROGRAMS += tests/fuzz/fuzz_vrrp_packet
TESTS += tests/fuzz/fuzz_vrrp_packet
tests_fuzz_fuzz_vrrp_packet_SOURCES = tests/fuzz/fuzz_vrrp_packet.c tests/fuzz/replay.c
tests_fuzz_fuzz_vrrp_packet_LDADD = libcore.a libbase.a
EXTRA_DIST += $(wildcard $(srcdir)/tests/fuzz/corpus/vrrp_packet/*)

check_PROGRAMS += tests/fuzz/fuzz_conf
TESTS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/replay.c
tests_fuzz_fuzz_conf_LDADD = $(LIBCONF)
EXTRA_DIST += tests/fuzz/corpus/conf

# The corpus begins with what Linux 6.1 answered to dumps of services, servers and sync daemons.
check_PROGRAMS += tests/fuzz/fuzz_ipvs_answer
TESTS += tests/fuzz/fuzz_ipvs_answer
tests_fuzz_fuzz_ipvs_answer_SOURCES = tests/fuzz/fuzz_ipvs_answer.c tests/fuzz/replay.c
tests_fuzz_fuzz_ipvs_answer_LDADD = libio.a libcore.a libbase.a $(NL_GENL_LIBS) $(NL_LIBS)
EXTRA_DIST += tests/fuzz/corpus/ipvs_answer
