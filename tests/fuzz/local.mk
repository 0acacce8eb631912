# tests/fuzz
# One target per parser. `make check` replays each corpus.
# Of sync messages, linux-* are what Linux 6.1 sent (tests/lab/test_sync_wire.py).
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

FUZZ_TARGETS = vrrp_packet vrrp_auth
FUZZ_FILES = src/core/vrrp_packet.c src/core/vrrp_auth.c src/base/addr.c src/base/sha256.c

check_PROGRAMS += tests/fuzz/fuzz_sync_message tests/fuzz/fuzz_pair_key tests/fuzz/fuzz_seal
TESTS += tests/fuzz/fuzz_sync_message tests/fuzz/fuzz_pair_key tests/fuzz/fuzz_seal
tests_fuzz_fuzz_sync_message_SOURCES = tests/fuzz/fuzz_sync_message.c tests/fuzz/replay.c
tests_fuzz_fuzz_sync_message_LDADD = libcore.a libbase.a
tests_fuzz_fuzz_pair_key_SOURCES = tests/fuzz/fuzz_pair_key.c tests/fuzz/replay.c
tests_fuzz_fuzz_pair_key_LDADD = libcore.a libbase.a
tests_fuzz_fuzz_seal_SOURCES = tests/fuzz/fuzz_seal.c tests/fuzz/replay.c
tests_fuzz_fuzz_seal_LDADD = liblink.a $(OPENSSL_LIBS)
EXTRA_DIST += tests/fuzz/corpus/sync_message tests/fuzz/corpus/pair_key tests/fuzz/corpus/seal
FUZZ_TARGETS += sync_message seal pair_key
FUZZ_FILES += src/core/sync_message.c src/core/pair_key.c src/link/seal.c

# What any host of a link may send.
check_PROGRAMS += tests/fuzz/fuzz_claim
TESTS += tests/fuzz/fuzz_claim
tests_fuzz_fuzz_claim_SOURCES = tests/fuzz/fuzz_claim.c tests/fuzz/replay.c
tests_fuzz_fuzz_claim_LDADD = libcore.a libbase.a
EXTRA_DIST += tests/fuzz/corpus/claim
FUZZ_TARGETS += claim
FUZZ_FILES += src/core/claim.c

# What servers under check answer.
check_PROGRAMS += tests/fuzz/fuzz_dns_message
TESTS += tests/fuzz/fuzz_dns_message
tests_fuzz_fuzz_dns_message_SOURCES = tests/fuzz/fuzz_dns_message.c tests/fuzz/replay.c
tests_fuzz_fuzz_dns_message_LDADD = libcore.a libbase.a
EXTRA_DIST += $(wildcard $(srcdir)/tests/fuzz/corpus/dns_message/*)

check_PROGRAMS += tests/fuzz/fuzz_smtp_reply
TESTS += tests/fuzz/fuzz_smtp_reply
tests_fuzz_fuzz_smtp_reply_SOURCES = tests/fuzz/fuzz_smtp_reply.c tests/fuzz/replay.c
tests_fuzz_fuzz_smtp_reply_LDADD = libcore.a libbase.a
EXTRA_DIST += $(wildcard $(srcdir)/tests/fuzz/corpus/smtp_reply/*)

FUZZ_TARGETS += dns_message smtp_reply
FUZZ_FILES += src/core/dns_message.c src/core/smtp_reply.c

check_PROGRAMS += tests/fuzz/fuzz_agent_text
TESTS += tests/fuzz/fuzz_agent_text
tests_fuzz_fuzz_agent_text_SOURCES = tests/fuzz/fuzz_agent_text.c tests/fuzz/replay.c
tests_fuzz_fuzz_agent_text_LDADD = libcore.a libbase.a
EXTRA_DIST += tests/fuzz/corpus/agent_text

FUZZ_TARGETS += agent_text
FUZZ_FILES += src/core/agent_text.c

check_PROGRAMS += tests/fuzz/fuzz_bulk_message tests/fuzz/fuzz_conn_list
TESTS += tests/fuzz/fuzz_bulk_message tests/fuzz/fuzz_conn_list
tests_fuzz_fuzz_bulk_message_SOURCES = tests/fuzz/fuzz_bulk_message.c tests/fuzz/replay.c
tests_fuzz_fuzz_bulk_message_LDADD = libcore.a libbase.a
tests_fuzz_fuzz_conn_list_SOURCES = tests/fuzz/fuzz_conn_list.c tests/fuzz/replay.c
tests_fuzz_fuzz_conn_list_LDADD = libio.a libcore.a libbase.a
EXTRA_DIST += tests/fuzz/corpus/bulk_message tests/fuzz/corpus/conn_list

FUZZ_TARGETS += bulk_message conn_list
FUZZ_FILES += src/core/bulk_message.c src/core/sync_digest.c src/core/tracked.c \
	src/io/conn_list.c src/io/proc_lines.c src/io/udp_queue.c

FUZZ_TARGETS += grpc_health http_match
FUZZ_FILES += src/core/grpc_health.c src/checker/http_match.c src/base/pattern.c

# An hour of search for each parser of what comes from the network, by clang's libFuzzer; new inputs
# stay in fuzz-found/.
FUZZ_SECONDS = 3600
FUZZ_CLANG = clang
FUZZ_LIBS = $(OPENSSL_LIBS) $(PCRE2_LIBS) $(JANSSON_LIBS)
.PHONY: fuzz-hour
fuzz-hour:
	$(MKDIR_P) fuzz-found
	for target in $(FUZZ_TARGETS); do \
		$(MKDIR_P) fuzz-found/$$target && (cd $(srcdir) && $(FUZZ_CLANG) -std=gnu17 -D_GNU_SOURCE -O1 -g -Isrc \
			-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
			-o $(abs_builddir)/fuzz-found/fuzz_$$target tests/fuzz/fuzz_$$target.c $(FUZZ_FILES) $(FUZZ_LIBS)) && \
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

# What a server that is checked sends.
check_PROGRAMS += tests/fuzz/fuzz_http_match tests/fuzz/fuzz_grpc_health
TESTS += tests/fuzz/fuzz_http_match tests/fuzz/fuzz_grpc_health
tests_fuzz_fuzz_http_match_SOURCES = tests/fuzz/fuzz_http_match.c tests/fuzz/replay.c \
	src/checker/http_match.c
tests_fuzz_fuzz_http_match_LDADD = libbase.a $(PCRE2_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_grpc_health_SOURCES = tests/fuzz/fuzz_grpc_health.c tests/fuzz/replay.c
tests_fuzz_fuzz_grpc_health_LDADD = libcore.a libbase.a
EXTRA_DIST += tests/fuzz/corpus/http_match tests/fuzz/corpus/grpc_health

# What the peer says over the link.
check_PROGRAMS += tests/fuzz/fuzz_link_text
TESTS += tests/fuzz/fuzz_link_text
tests_fuzz_fuzz_link_text_SOURCES = tests/fuzz/fuzz_link_text.c tests/fuzz/replay.c
tests_fuzz_fuzz_link_text_LDADD = liblink.a libio.a libcore.a libbase.a $(JANSSON_LIBS) $(SSL_LIBS)
EXTRA_DIST += tests/fuzz/corpus/link_text

# What the helpers say to the director; no_host.c is in the place of what would reach the host.
check_PROGRAMS += tests/fuzz/fuzz_helper_message
TESTS += tests/fuzz/fuzz_helper_message
PLAYED_DIRECTOR = tests/fuzz/no_host.c tests/fuzz/no_host.h tests/fuzz/played_director.c tests/fuzz/played_director.h
tests_fuzz_fuzz_helper_message_SOURCES = tests/fuzz/fuzz_helper_message.c tests/fuzz/replay.c $(PLAYED_DIRECTOR)
tests_fuzz_fuzz_helper_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_helper_message_LDADD = $(LIBDIRECTOR)
EXTRA_DIST += tests/fuzz/corpus/helper_message

# An hour of search for it, in a build of its own: it is all of the director.
FUZZ_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all
.PHONY: fuzz-helpers fuzz-helpers-program
fuzz-helpers:
	$(MKDIR_P) fuzz-found/build fuzz-found/helper_message
	cd fuzz-found/build && { test -e Makefile || $(abs_srcdir)/configure CC=$(FUZZ_CLANG) \
		CFLAGS="-O1 -g -fsanitize=fuzzer-no-link $(FUZZ_FLAGS)"; }
	$(MAKE) -C fuzz-found/build fuzz-helpers-program
	fuzz-found/build/fuzz_helper_message -max_total_time=$(FUZZ_SECONDS) -max_len=20000 \
		-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=fuzz-found/ \
		fuzz-found/helper_message $(srcdir)/tests/fuzz/corpus/helper_message
fuzz-helpers-program: $(tests_fuzz_fuzz_helper_message_OBJECTS) $(LIBDIRECTOR_ARCHIVES)
	$(CC) -g -fsanitize=fuzzer $(FUZZ_FLAGS) -o fuzz_helper_message \
		$(filter-out %replay.$(OBJEXT),$(tests_fuzz_fuzz_helper_message_OBJECTS)) $(LIBDIRECTOR)
