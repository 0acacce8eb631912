sbin_PROGRAMS += tandemd
tandemd_SOURCES = \
	src/director/apply.c \
	src/director/balancer.c src/director/balancer.h \
	src/director/checks.c \
	src/director/check_wire.c src/director/check_wire.h \
	src/director/cleanup.c \
	src/director/compare.c \
	src/director/conntrack_sync.c \
	src/director/control.c src/director/control.h \
	src/director/error_list.c src/director/error_list.h \
	src/director/desired.c src/director/desired.h \
	src/director/devices.c \
	src/director/director.c src/director/director.h \
	src/director/drains.c \
	src/director/forwarding.c src/director/forwarding.h \
	src/director/events.c src/director/events.h \
	src/director/exec_checks.c src/director/exec_checks.h \
	src/director/helpers.c \
	src/director/link.c src/director/link_mode.h \
	src/director/main.c \
	src/director/job.c src/director/job.h \
	src/director/load.c src/director/load.h \
	src/director/maintenance.c \
	src/director/known.c src/director/known.h \
	src/director/nft_table.c src/director/nft_table.h \
	src/director/notify.c \
	src/director/operators.c \
	src/director/overrides.c src/director/overrides.h \
	src/director/moved.c src/director/moved.h \
	src/director/peer.c \
	src/director/plan.c \
	src/director/pools.c src/director/pools.h \
	src/director/process.c src/director/process.h \
	src/director/push.c \
	src/director/push_files.c src/director/push_files.h \
	src/director/push_work.c src/director/push_work.h \
	src/director/record.c src/director/record.h \
	src/director/reload.c \
	src/director/replicate.c \
	src/director/restart.c src/director/restart.h \
	src/director/resync.c \
	src/director/roles.c \
	src/director/roles_wire.c \
	src/director/run.c src/director/run.h \
	src/director/runtime_dir.c \
	src/director/ruleset.c src/director/ruleset.h \
	src/director/server_view.c \
	src/director/settings.c src/director/settings.h \
	src/director/shares.c \
	src/director/state.h \
	src/director/status.c \
	src/director/switchover.c \
	src/director/targets.c src/director/targets.h \
	src/director/track.c \
	src/director/timeouts.c src/director/timeouts.h \
	src/director/trouble.c \
	src/director/views.c src/director/views.h \
	src/director/wanted_rules.c src/director/wanted_rules.h \
	src/director/watch.c src/director/watch.h \
	src/director/watch_file.c \
	src/director/watch_net.c \
	src/director/watch_ping.c \
	src/director/watch_process.c \
	src/director/watch_script.c \
	src/director/why.c \
	src/director/work.c
tandemd_LDADD = libleftovers.a libconf.a libio.a libcore.a libbase.a $(NL_GENL_LIBS) $(NL_ROUTE_LIBS) \
	$(NL_LIBS) $(NFTABLES_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS)
