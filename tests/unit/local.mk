# Unit tests: one program per module, named test_<module>.
UNIT_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
UNIT_LDADD = $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_base tests/unit/test_channel
TESTS += tests/unit/test_base tests/unit/test_channel
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_base_LDADD = libbase.a $(UNIT_LDADD)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_channel_LDADD = libio.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_writer
TESTS += tests/unit/test_writer
tests_unit_test_writer_SOURCES = tests/unit/test_writer.c
tests_unit_test_writer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_writer_LDADD = libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_supervise
TESTS += tests/unit/test_supervise
tests_unit_test_supervise_SOURCES = tests/unit/test_supervise.c
tests_unit_test_supervise_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_supervise_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_health
TESTS += tests/unit/test_health
tests_unit_test_health_SOURCES = tests/unit/test_health.c
tests_unit_test_health_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_health_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_dns_message tests/unit/test_echo_message tests/unit/test_smtp_reply
TESTS += tests/unit/test_dns_message tests/unit/test_echo_message tests/unit/test_smtp_reply
tests_unit_test_dns_message_SOURCES = tests/unit/test_dns_message.c
tests_unit_test_dns_message_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_dns_message_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_echo_message_SOURCES = tests/unit/test_echo_message.c
tests_unit_test_echo_message_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_echo_message_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_smtp_reply_SOURCES = tests/unit/test_smtp_reply.c
tests_unit_test_smtp_reply_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_smtp_reply_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_service_model tests/unit/test_ipvs_plan
TESTS += tests/unit/test_service_model tests/unit/test_ipvs_plan
tests_unit_test_service_model_SOURCES = tests/unit/test_service_model.c
tests_unit_test_service_model_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_service_model_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_ipvs_plan_SOURCES = tests/unit/test_ipvs_plan.c tests/ipvs_tables.c tests/ipvs_tables.h
tests_unit_test_ipvs_plan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_ipvs_plan_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ipvs_plan_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_ipvs_wire tests/unit/test_sysctl
TESTS += tests/unit/test_ipvs_wire tests/unit/test_sysctl
tests_unit_test_ipvs_wire_SOURCES = tests/unit/test_ipvs_wire.c tests/ipvs_tables.c tests/ipvs_tables.h
tests_unit_test_ipvs_wire_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_ipvs_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ipvs_wire_LDADD = libio.a libcore.a libbase.a $(NL_GENL_LIBS) $(NL_LIBS) $(UNIT_LDADD)
tests_unit_test_sysctl_SOURCES = tests/unit/test_sysctl.c
tests_unit_test_sysctl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sysctl_LDADD = libio.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

# Election
check_PROGRAMS += tests/unit/test_peer_page
TESTS += tests/unit/test_peer_page
tests_unit_test_peer_page_SOURCES = tests/unit/test_peer_page.c
tests_unit_test_peer_page_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_peer_page_LDADD = libio.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_tracked_order
TESTS += tests/unit/test_tracked_order
tests_unit_test_tracked_order_SOURCES = tests/unit/test_tracked_order.c
tests_unit_test_tracked_order_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_tracked_order_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_second_opinion
TESTS += tests/unit/test_second_opinion
tests_unit_test_second_opinion_SOURCES = tests/unit/test_second_opinion.c
tests_unit_test_second_opinion_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_second_opinion_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_handover
TESTS += tests/unit/test_handover
tests_unit_test_handover_SOURCES = tests/unit/test_handover.c
tests_unit_test_handover_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_handover_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_sha256 tests/unit/test_vrrp_auth
TESTS += tests/unit/test_sha256 tests/unit/test_vrrp_auth
tests_unit_test_sha256_SOURCES = tests/unit/test_sha256.c
tests_unit_test_sha256_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sha256_LDADD = libbase.a $(UNIT_LDADD)
tests_unit_test_vrrp_auth_SOURCES = tests/unit/test_vrrp_auth.c
tests_unit_test_vrrp_auth_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_vrrp_auth_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_announce tests/unit/test_vrrp tests/unit/test_vrrp_packet
TESTS += tests/unit/test_announce tests/unit/test_vrrp tests/unit/test_vrrp_packet
check_PROGRAMS += tests/unit/test_sync_group
TESTS += tests/unit/test_sync_group
tests_unit_test_sync_group_SOURCES = tests/unit/test_sync_group.c
tests_unit_test_sync_group_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sync_group_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_announce_SOURCES = tests/unit/test_announce.c
tests_unit_test_announce_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_announce_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_vrrp_SOURCES = tests/unit/test_vrrp.c
tests_unit_test_vrrp_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_vrrp_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_vrrp_packet_SOURCES = tests/unit/test_vrrp_packet.c
tests_unit_test_vrrp_packet_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_vrrp_packet_LDADD = libcore.a libbase.a $(UNIT_LDADD)

# Tracking
check_PROGRAMS += tests/unit/test_track
TESTS += tests/unit/test_track
tests_unit_test_track_SOURCES = tests/unit/test_track.c
tests_unit_test_track_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_track_LDADD = libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_run tests/unit/test_trusted_path
TESTS += tests/unit/test_run tests/unit/test_trusted_path
tests_unit_test_run_SOURCES = tests/unit/test_run.c src/director/watch/run.c
tests_unit_test_run_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_run_LDADD = libio.a libbase.a $(SYSTEMD_LIBS) $(UNIT_LDADD)
tests_unit_test_trusted_path_SOURCES = tests/unit/test_trusted_path.c
tests_unit_test_trusted_path_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_trusted_path_LDADD = libio.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_notify tests/unit/test_watch
TESTS += tests/unit/test_notify tests/unit/test_watch
tests_unit_test_notify_SOURCES = tests/unit/test_notify.c src/director/watch/notify.c
tests_unit_test_notify_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_notify_LDADD = libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c src/director/watch/watch.c
tests_unit_test_watch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_watch_LDADD = $(LIBCONF) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_desired
TESTS += tests/unit/test_desired
tests_unit_test_desired_SOURCES = tests/unit/test_desired.c src/director/table/desired.c src/director/pair/overrides.c \
	src/director/health/pools.c src/director/health/targets.c src/director/health/check_wire.c src/director/health/views.c
tests_unit_test_desired_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_desired_LDADD = libio.a $(LIBCONF) $(UNIT_LDADD)

dist_check_SCRIPTS += tests/unit/units.sh
TESTS += tests/unit/units.sh

check_PROGRAMS += tests/unit/test_link
TESTS += tests/unit/test_link
tests_unit_test_link_SOURCES = tests/unit/test_link.c
tests_unit_test_link_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_link_LDADD = libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_sync_message tests/unit/test_sync_window
TESTS += tests/unit/test_sync_message tests/unit/test_sync_window
tests_unit_test_sync_message_SOURCES = tests/unit/test_sync_message.c
tests_unit_test_sync_message_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sync_message_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_sync_window_SOURCES = tests/unit/test_sync_window.c
tests_unit_test_sync_window_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sync_window_LDADD = libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_session_keys
TESTS += tests/unit/test_session_keys
tests_unit_test_session_keys_SOURCES = tests/unit/test_session_keys.c
tests_unit_test_session_keys_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_session_keys_LDADD = liblink.a libcore.a libbase.a $(JANSSON_LIBS) $(SSL_LIBS) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_pair_key tests/unit/test_seal
TESTS += tests/unit/test_pair_key tests/unit/test_seal
dist_check_SCRIPTS += tests/unit/check_keygen.py tests/unit/check_seal_vectors.py
TESTS += tests/unit/check_keygen.py tests/unit/check_seal_vectors.py
dist_check_SCRIPTS += tests/unit/check_manual_names.py tests/unit/check_docs.py tests/unit/check_completion.py
TESTS += tests/unit/check_manual_names.py tests/unit/check_docs.py tests/unit/check_completion.py
tests_unit_test_pair_key_SOURCES = tests/unit/test_pair_key.c
tests_unit_test_pair_key_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pair_key_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_seal_LDADD = liblink.a $(OPENSSL_LIBS) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_elector tests/unit/test_elector_message \
	tests/unit/test_state_file
TESTS += tests/unit/test_elector tests/unit/test_elector_message tests/unit/test_state_file
tests_unit_test_elector_SOURCES = tests/unit/test_elector.c
tests_unit_test_elector_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_elector_LDADD = $(ELECTOR_LIBS) $(UNIT_LDADD)
tests_unit_test_elector_message_SOURCES = tests/unit/test_elector_message.c
tests_unit_test_elector_message_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_elector_message_LDADD = $(ELECTOR_LIBS) $(UNIT_LDADD)
tests_unit_test_state_file_SOURCES = tests/unit/test_state_file.c
tests_unit_test_state_file_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_state_file_LDADD = $(ELECTOR_LIBS) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_ndisc
TESTS += tests/unit/test_ndisc
tests_unit_test_ndisc_SOURCES = tests/unit/test_ndisc.c
tests_unit_test_ndisc_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ndisc_LDADD = libio.a libbase.a $(UNIT_LDADD)

# How the sources hang together
TESTS += tests/unit/core-imports.sh tests/unit/headers.sh
dist_check_SCRIPTS += tests/unit/core-imports.sh tests/unit/headers.sh
AM_TESTS_ENVIRONMENT += CC='$(CC)'; \
	HEADER_CFLAGS='$(NL_CFLAGS) $(NL_GENL_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)'; \
	export CC HEADER_CFLAGS;

check_PROGRAMS += tests/unit/test_control
TESTS += tests/unit/test_control
tests_unit_test_control_SOURCES = tests/unit/test_control.c src/director/control/control.c
tests_unit_test_control_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_control_LDADD = libio.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_aside
TESTS += tests/unit/test_aside
tests_unit_test_aside_SOURCES = tests/unit/test_aside.c
tests_unit_test_aside_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_aside_LDADD = libio.a libbase.a $(SYSTEMD_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_file
TESTS += tests/unit/test_file
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_file_LDADD = libio.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_push
TESTS += tests/unit/test_push
tests_unit_test_push_SOURCES = tests/unit/test_push.c src/director/pair/push.c src/director/pair/push_files.c \
	src/director/pair/push_work.c src/director/config/error_list.c
tests_unit_test_push_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_push_LDADD = libio.a $(LIBCONF) $(SYSTEMD_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_drains
TESTS += tests/unit/test_drains
tests_unit_test_drains_SOURCES = tests/unit/test_drains.c src/director/pair/drains.c src/director/pair/overrides.c
tests_unit_test_drains_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_drains_LDADD = libio.a $(LIBCONF) $(SYSTEMD_LIBS) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_events
TESTS += tests/unit/test_events
tests_unit_test_events_SOURCES = tests/unit/test_events.c src/director/control/events.c
tests_unit_test_events_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_events_LDADD = libcore.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_load
TESTS += tests/unit/test_load
tests_unit_test_load_SOURCES = tests/unit/test_load.c src/director/config/load.c
tests_unit_test_load_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_load_LDADD = libio.a $(LIBCONF) $(SYSTEMD_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_proc_pid
TESTS += tests/unit/test_proc_pid
tests_unit_test_proc_pid_SOURCES = tests/unit/test_proc_pid.c
tests_unit_test_proc_pid_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_proc_pid_LDADD = libio.a libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_process
TESTS += tests/unit/test_process
tests_unit_test_process_SOURCES = tests/unit/test_process.c src/director/process.c src/director/spawn.c
tests_unit_test_process_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_process_LDADD = libio.a libcore.a libbase.a $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_balancer
TESTS += tests/unit/test_balancer
tests_unit_test_balancer_SOURCES = tests/unit/test_balancer.c src/director/table/balancer.c src/director/table/record.c
tests_unit_test_balancer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_balancer_LDADD = libcore.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_roles
TESTS += tests/unit/test_roles
tests_unit_test_roles_SOURCES = tests/unit/test_roles.c src/director/election/moved.c \
	src/director/election/roles.c src/director/election/roles_wire.c
tests_unit_test_roles_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_roles_LDADD = $(LIBCONF) libcore.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_print
TESTS += tests/unit/test_print
tests_unit_test_print_SOURCES = tests/unit/test_print.c src/ctl/peer_trouble.c src/ctl/print.c
tests_unit_test_print_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_print_LDADD = libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_command
TESTS += tests/unit/test_command
tests_unit_test_command_SOURCES = tests/unit/test_command.c src/ctl/command.c
tests_unit_test_command_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_command_LDADD = $(JANSSON_LIBS) $(UNIT_LDADD)

# Pools
check_PROGRAMS += tests/unit/test_drain tests/unit/test_pool tests/unit/test_ramp
TESTS += tests/unit/test_drain tests/unit/test_pool tests/unit/test_ramp
tests_unit_test_drain_SOURCES = tests/unit/test_drain.c
tests_unit_test_drain_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_drain_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c tests/ipvs_tables.c tests/ipvs_tables.h
tests_unit_test_pool_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_pool_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pool_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_ramp_SOURCES = tests/unit/test_ramp.c
tests_unit_test_ramp_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ramp_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_overrides tests/unit/test_pools
TESTS += tests/unit/test_overrides tests/unit/test_pools
tests_unit_test_overrides_SOURCES = tests/unit/test_overrides.c src/director/pair/overrides.c
tests_unit_test_overrides_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_overrides_LDADD = libio.a libcore.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)
tests_unit_test_pools_SOURCES = tests/unit/test_pools.c src/director/table/desired.c src/director/pair/overrides.c \
	src/director/health/pools.c src/director/health/targets.c src/director/health/check_wire.c src/director/health/views.c tests/ipvs_tables.c \
	tests/ipvs_tables.h
tests_unit_test_pools_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_pools_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pools_LDADD = libio.a $(LIBCONF) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_nft_rules tests/unit/test_ruleset
TESTS += tests/unit/test_nft_rules tests/unit/test_ruleset
tests_unit_test_nft_rules_SOURCES = tests/unit/test_nft_rules.c
tests_unit_test_nft_rules_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_nft_rules_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_ruleset_SOURCES = tests/unit/test_ruleset.c src/director/forward/ruleset.c \
	src/director/forward/wanted_rules.c
tests_unit_test_ruleset_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ruleset_LDADD = $(LIBCONF) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_realserver
TESTS += tests/unit/test_realserver
tests_unit_test_realserver_SOURCES = tests/unit/test_realserver.c
tests_unit_test_realserver_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_realserver_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_realserver_record tests/unit/test_realserver_wanted
TESTS += tests/unit/test_realserver_record tests/unit/test_realserver_wanted
tests_unit_test_realserver_record_SOURCES = tests/unit/test_realserver_record.c
tests_unit_test_realserver_record_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_realserver_record_LDADD = $(LIBREALSERVER) $(UNIT_LDADD)
tests_unit_test_realserver_wanted_SOURCES = tests/unit/test_realserver_wanted.c
tests_unit_test_realserver_wanted_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_realserver_wanted_LDADD = $(LIBREALSERVER) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_job
TESTS += tests/unit/test_job
tests_unit_test_job_SOURCES = tests/unit/test_job.c src/director/table/balancer.c src/director/table/desired.c \
	src/director/table/job.c src/director/table/known.c src/director/pair/overrides.c src/director/health/pools.c src/director/table/record.c \
	src/director/health/targets.c src/director/health/check_wire.c src/director/health/views.c
tests_unit_test_job_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_job_LDADD = libio.a $(LIBCONF) $(UNIT_LDADD)

# Health checks by HTTP
check_PROGRAMS += tests/unit/test_grpc_health tests/unit/test_http_match tests/unit/test_pattern
TESTS += tests/unit/test_grpc_health tests/unit/test_http_match tests/unit/test_pattern
tests_unit_test_grpc_health_SOURCES = tests/unit/test_grpc_health.c
tests_unit_test_grpc_health_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_grpc_health_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_http_match_SOURCES = tests/unit/test_http_match.c src/checker/http_match.c
tests_unit_test_http_match_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_http_match_LDADD = libbase.a $(PCRE2_LIBS) $(JANSSON_LIBS) $(UNIT_LDADD)
tests_unit_test_pattern_SOURCES = tests/unit/test_pattern.c
tests_unit_test_pattern_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pattern_LDADD = libbase.a $(PCRE2_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_history
TESTS += tests/unit/test_history
tests_unit_test_history_SOURCES = tests/unit/test_history.c src/checker/history.c
tests_unit_test_history_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_history_LDADD = libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

# Link
check_PROGRAMS += tests/unit/test_tun
TESTS += tests/unit/test_tun
tests_unit_test_tun_SOURCES = tests/unit/test_tun.c
tests_unit_test_tun_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_tun_LDADD = libio.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_link_wire tests/unit/test_session
TESTS += tests/unit/test_link_wire tests/unit/test_session
tests_unit_test_link_wire_SOURCES = tests/unit/test_link_wire.c
tests_unit_test_link_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_link_wire_LDADD = liblink.a libio.a libcore.a libbase.a $(JANSSON_LIBS) $(SSL_LIBS) $(UNIT_LDADD)
tests_unit_test_session_SOURCES = tests/unit/test_session.c
tests_unit_test_session_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_session_LDADD = liblink.a libio.a libcore.a libbase.a $(JANSSON_LIBS) $(SSL_LIBS) $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_stream
TESTS += tests/unit/test_stream
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c
tests_unit_test_stream_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_stream_LDADD = liblink.a libio.a libcore.a libbase.a $(SYSTEMD_LIBS) $(SSL_LIBS) $(UNIT_LDADD)

# What is synced in bulk
check_PROGRAMS += tests/unit/test_sync_digest tests/unit/test_shadow tests/unit/test_resync \
	tests/unit/test_conn_list
TESTS += tests/unit/test_sync_digest tests/unit/test_shadow tests/unit/test_resync \
	tests/unit/test_conn_list
SYNCED = tests/unit/synced.c tests/unit/synced.h
tests_unit_test_sync_digest_SOURCES = tests/unit/test_sync_digest.c $(SYNCED)
tests_unit_test_sync_digest_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sync_digest_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_shadow_SOURCES = tests/unit/test_shadow.c src/link/shadow.c $(SYNCED)
tests_unit_test_shadow_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_shadow_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_resync_SOURCES = tests/unit/test_resync.c src/link/coverage.c src/link/feeder.c \
	src/link/resync.c src/link/shadow.c $(SYNCED)
tests_unit_test_resync_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_resync_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_conn_list_SOURCES = tests/unit/test_conn_list.c
tests_unit_test_conn_list_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conn_list_LDADD = libio.a libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_bulk_message
TESTS += tests/unit/test_bulk_message
tests_unit_test_bulk_message_SOURCES = tests/unit/test_bulk_message.c $(SYNCED)
tests_unit_test_bulk_message_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_bulk_message_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_agent_text
TESTS += tests/unit/test_agent_text
tests_unit_test_agent_text_SOURCES = tests/unit/test_agent_text.c
tests_unit_test_agent_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_agent_text_LDADD = libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_cold_start
TESTS += tests/unit/test_cold_start
tests_unit_test_cold_start_SOURCES = tests/unit/test_cold_start.c src/link/cold_start.c src/link/service_table.c \
	src/link/shadow.c
tests_unit_test_cold_start_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_cold_start_LDADD = libio.a libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_slots
TESTS += tests/unit/test_slots
tests_unit_test_slots_SOURCES = tests/unit/test_slots.c src/checker/slots.c
tests_unit_test_slots_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_slots_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_change
TESTS += tests/unit/test_change
tests_unit_test_change_SOURCES = tests/unit/test_change.c src/checker/change.c src/checker/target_list.c
tests_unit_test_change_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_change_LDADD = libbase.a $(UNIT_LDADD)

# A build with sanitizers has no sandbox.
if !SANITIZERS
check_PROGRAMS += tests/unit/test_confine
TESTS += tests/unit/test_confine
endif
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c src/checker/confine.c
tests_unit_test_confine_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_confine_LDADD = libio.a $(CAPNG_LIBS) $(SECCOMP_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_explain
TESTS += tests/unit/test_explain
tests_unit_test_explain_SOURCES = tests/unit/test_explain.c
tests_unit_test_explain_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_explain_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_two_verdicts
TESTS += tests/unit/test_two_verdicts
tests_unit_test_two_verdicts_SOURCES = tests/unit/test_two_verdicts.c
tests_unit_test_two_verdicts_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_two_verdicts_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_claim
TESTS += tests/unit/test_claim
tests_unit_test_claim_SOURCES = tests/unit/test_claim.c
tests_unit_test_claim_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_claim_LDADD = libcore.a libbase.a $(UNIT_LDADD)
check_PROGRAMS += tests/unit/test_virtual_mac
TESTS += tests/unit/test_virtual_mac
tests_unit_test_virtual_mac_SOURCES = tests/unit/test_virtual_mac.c
tests_unit_test_virtual_mac_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_virtual_mac_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_table_watch
TESTS += tests/unit/test_table_watch
tests_unit_test_table_watch_SOURCES = tests/unit/test_table_watch.c
tests_unit_test_table_watch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_table_watch_LDADD = libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_service_table
TESTS += tests/unit/test_service_table
tests_unit_test_service_table_SOURCES = tests/unit/test_service_table.c src/link/service_table.c
tests_unit_test_service_table_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_service_table_LDADD = libio.a libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_kernel_count
TESTS += tests/unit/test_kernel_count
tests_unit_test_kernel_count_SOURCES = tests/unit/test_kernel_count.c src/link/kernel_count.c src/link/service_table.c \
	src/link/shadow.c
tests_unit_test_kernel_count_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_kernel_count_LDADD = libio.a libcore.a libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_metrics
TESTS += tests/unit/test_metrics
tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c
tests_unit_test_metrics_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_metrics_LDADD = libmetrics.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)
EXTRA_DIST += tests/unit/status.json tests/unit/status.metrics

check_PROGRAMS += tests/unit/test_answer
TESTS += tests/unit/test_answer
tests_unit_test_answer_SOURCES = tests/unit/test_answer.c src/ctl/peer_trouble.c src/ctl/print.c \
	src/web/answer.c src/web/listen.c src/web/page.c
tests_unit_test_answer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_answer_LDADD = libmetrics.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

# What helpers say
check_PROGRAMS += tests/unit/test_allowance tests/unit/test_heard tests/unit/test_text
TESTS += tests/unit/test_allowance tests/unit/test_heard tests/unit/test_text
tests_unit_test_allowance_SOURCES = tests/unit/test_allowance.c
tests_unit_test_allowance_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_allowance_LDADD = libcore.a libbase.a $(UNIT_LDADD)
tests_unit_test_heard_SOURCES = tests/unit/test_heard.c src/director/heard.c
tests_unit_test_heard_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_heard_LDADD = libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_text_LDADD = libbase.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_json_words
TESTS += tests/unit/test_json_words
tests_unit_test_json_words_SOURCES = tests/unit/test_json_words.c
tests_unit_test_json_words_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_json_words_LDADD = libio.a libbase.a $(JANSSON_LIBS) $(UNIT_LDADD)

check_PROGRAMS += tests/unit/test_hostile_helper
TESTS += tests/unit/test_hostile_helper
tests_unit_test_hostile_helper_SOURCES = tests/unit/test_hostile_helper.c $(PLAYED_DIRECTOR)
tests_unit_test_hostile_helper_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/fuzz
tests_unit_test_hostile_helper_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_hostile_helper_LDADD = $(LIBDIRECTOR) $(UNIT_LDADD)
