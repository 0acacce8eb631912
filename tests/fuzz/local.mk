# tests/fuzz
# One target per parser. `make check` replays each corpus.
check_PROGRAMS += tests/fuzz/fuzz_vrrp_packet
TESTS += tests/fuzz/fuzz_vrrp_packet
tests_fuzz_fuzz_vrrp_packet_SOURCES = tests/fuzz/fuzz_vrrp_packet.c tests/fuzz/replay.c
tests_fuzz_fuzz_vrrp_packet_LDADD = libcore.a libbase.a
EXTRA_DIST += $(wildcard $(srcdir)/tests/fuzz/corpus/vrrp_packet/*)

check_PROGRAMS += tests/fuzz/fuzz_vrrp_auth
TESTS += tests/fuzz/fuzz_vrrp_auth
tests_fuzz_fuzz_vrrp_auth_SOURCES = tests/fuzz/fuzz_vrrp_auth.c tests/fuzz/replay.c
tests_fuzz_fuzz_vrrp_auth_LDADD = libcore.a libbase.a
EXTRA_DIST += $(wildcard $(srcdir)/tests/fuzz/corpus/vrrp_auth/*)

check_PROGRAMS += tests/fuzz/fuzz_sync_message tests/fuzz/fuzz_pair_key tests/fuzz/fuzz_seal
TESTS += tests/fuzz/fuzz_sync_message tests/fuzz/fuzz_pair_key tests/fuzz/fuzz_seal
tests_fuzz_fuzz_sync_message_SOURCES = tests/fuzz/fuzz_sync_message.c tests/fuzz/replay.c
tests_fuzz_fuzz_sync_message_LDADD = libcore.a libbase.a
tests_fuzz_fuzz_pair_key_SOURCES = tests/fuzz/fuzz_pair_key.c tests/fuzz/replay.c
tests_fuzz_fuzz_pair_key_LDADD = libcore.a libbase.a
tests_fuzz_fuzz_seal_SOURCES = tests/fuzz/fuzz_seal.c tests/fuzz/replay.c
tests_fuzz_fuzz_seal_LDADD = liblink.a $(OPENSSL_LIBS)
EXTRA_DIST += tests/fuzz/corpus/sync_message tests/fuzz/corpus/pair_key tests/fuzz/corpus/seal

# An hour of search for each parser of what comes from the network, by clang's libFuzzer; new inputs
# stay in fuzz-found/.
FUZZ_SECONDS = 3600
FUZZ_CLANG = clang
FUZZ_FILES = src/core/vrrp_packet.c src/core/vrrp_auth.c src/core/sync_message.c \
	src/core/pair_key.c src/link/seal.c src/base/addr.c src/base/sha256.c
FUZZ_TARGETS = vrrp_packet vrrp_auth sync_message seal pair_key
.PHONY: fuzz-hour
fuzz-hour:
	$(MKDIR_P) fuzz-found
	for target in $(FUZZ_TARGETS); do \
		$(MKDIR_P) fuzz-found/$$target && (cd $(srcdir) && $(FUZZ_CLANG) -std=gnu17 -O1 -g -Isrc \
			-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
			-o $(abs_builddir)/fuzz-found/fuzz_$$target tests/fuzz/fuzz_$$target.c $(FUZZ_FILES) $(OPENSSL_LIBS)) && \
		fuzz-found/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -max_len=9300 -print_final_stats=1 \
			-artifact_prefix=fuzz-found/ fuzz-found/$$target $(srcdir)/tests/fuzz/corpus/$$target \
			|| exit 1; \
	done

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
