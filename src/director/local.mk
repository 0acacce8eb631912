# All of the director but its main(), so that tests can run it.
noinst_LIBRARIES += libdirector.a
libdirector_a_SOURCES = \
	src/director/director.c src/director/director.h \
	src/director/heard.c src/director/heard.h \
	src/director/helpers.c \
	src/director/process.c src/director/process.h \
	src/director/restart.c src/director/restart.h \
	src/director/runtime_dir.c \
	src/director/spawn.c src/director/spawn.h \
	src/director/state.h \
	src/director/config/error_list.c src/director/config/error_list.h \
	src/director/config/load.c src/director/config/load.h \
	src/director/config/reload.c \
	src/director/control/control.c src/director/control/control.h \
	src/director/control/events.c src/director/control/events.h \
	src/director/control/operators.c \
	src/director/control/plan.c \
	src/director/control/server_view.c \
	src/director/control/status.c \
	src/director/control/why.c \
	src/director/election/devices.c \
	src/director/election/moved.c src/director/election/moved.h \
	src/director/election/roles.c \
	src/director/election/roles_wire.c \
	src/director/forward/conntrack_sync.c \
	src/director/forward/forwarding.c src/director/forward/forwarding.h \
	src/director/forward/nft_table.c src/director/forward/nft_table.h \
	src/director/forward/ruleset.c src/director/forward/ruleset.h \
	src/director/forward/wanted_rules.c src/director/forward/wanted_rules.h \
	src/director/health/check_wire.c src/director/health/check_wire.h \
	src/director/health/checks.c \
	src/director/health/exec_checks.c src/director/health/exec_checks.h \
	src/director/health/pools.c src/director/health/pools.h \
	src/director/health/shares.c \
	src/director/health/targets.c src/director/health/targets.h \
	src/director/health/views.c src/director/health/views.h \
	src/director/pair/compare.c \
	src/director/pair/drains.c \
	src/director/pair/link.c src/director/pair/link_mode.h \
	src/director/pair/maintenance.c \
	src/director/pair/overrides.c src/director/pair/overrides.h \
	src/director/pair/peer.c \
	src/director/pair/push.c \
	src/director/pair/push_files.c src/director/pair/push_files.h \
	src/director/pair/push_work.c src/director/pair/push_work.h \
	src/director/pair/replicate.c \
	src/director/pair/resync.c \
	src/director/pair/switchover.c \
	src/director/table/apply.c \
	src/director/table/balancer.c src/director/table/balancer.h \
	src/director/table/cleanup.c \
	src/director/table/desired.c src/director/table/desired.h \
	src/director/table/job.c src/director/table/job.h \
	src/director/table/known.c src/director/table/known.h \
	src/director/table/record.c src/director/table/record.h \
	src/director/table/settings.c src/director/table/settings.h \
	src/director/table/timeouts.c src/director/table/timeouts.h \
	src/director/table/trouble.c \
	src/director/table/work.c \
	src/director/watch/notify.c \
	src/director/watch/run.c src/director/watch/run.h \
	src/director/watch/track.c \
	src/director/watch/watch.c src/director/watch/watch.h \
	src/director/watch/watch_file.c \
	src/director/watch/watch_net.c \
	src/director/watch/watch_ping.c \
	src/director/watch/watch_process.c \
	src/director/watch/watch_script.c
LIBDIRECTOR_ARCHIVES = libdirector.a libleftovers.a libconf.a libio.a libcore.a libbase.a
LIBDIRECTOR = $(LIBDIRECTOR_ARCHIVES) $(NL_GENL_LIBS) $(NL_ROUTE_LIBS) $(NL_LIBS) $(NFTABLES_LIBS) \
	$(SYSTEMD_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS)

sbin_PROGRAMS += tandemd
tandemd_SOURCES = src/director/main.c
tandemd_LDADD = $(LIBDIRECTOR)
