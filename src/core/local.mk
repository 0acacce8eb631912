# The rules: values in, values out. No syscall, clock, allocation, log or global.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES =
libcore_a_SOURCES += src/core/supervise.c src/core/supervise.h
libcore_a_SOURCES += \
	src/core/agent_text.c src/core/agent_text.h \
	src/core/allowance.c src/core/allowance.h \
	src/core/claim.c src/core/claim.h \
	src/core/deadline_heap.c src/core/deadline_heap.h \
	src/core/dns_message.c src/core/dns_message.h \
	src/core/echo_message.c src/core/echo_message.h \
	src/core/delays.c src/core/delays.h \
	src/core/explain.c src/core/explain.h \
	src/core/health.c src/core/health.h \
	src/core/link_item.c src/core/link_item.h \
	src/core/link_watch.c src/core/link_watch.h \
	src/core/pair_key.c src/core/pair_key.h \
	src/core/sync_message.c src/core/sync_message.h \
	src/core/sync_window.c src/core/sync_window.h \
	src/core/smtp_reply.c src/core/smtp_reply.h \
	src/core/traffic.c src/core/traffic.h
libcore_a_SOURCES += \
	src/core/ipvs_plan.c src/core/ipvs_plan.h \
	src/core/nft_rules.c src/core/nft_rules.h \
	src/core/port_use.c src/core/port_use.h \
	src/core/service_model.c src/core/service_model.h
libcore_a_SOURCES += \
	src/core/announce.c src/core/announce.h \
	src/core/moved.c src/core/moved.h \
	src/core/second_opinion.c src/core/second_opinion.h \
	src/core/track.c src/core/track.h \
	src/core/sync_group.c src/core/sync_group.h \
	src/core/virtual_mac.c src/core/virtual_mac.h \
	src/core/vrrp.c src/core/vrrp.h \
	src/core/vrrp_auth.c src/core/vrrp_auth.h \
	src/core/vrrp_packet.c src/core/vrrp_packet.h
libcore_a_SOURCES += \
	src/core/drain.c src/core/drain.h \
	src/core/handover.c src/core/handover.h \
	src/core/pool.c src/core/pool.h \
	src/core/ramp.c src/core/ramp.h \
	src/core/two_verdicts.c src/core/two_verdicts.h
libcore_a_SOURCES += \
	src/core/realserver.c src/core/realserver.h \
	src/core/realserver_check.c src/core/realserver_check.h
libcore_a_SOURCES += \
	src/core/bulk_message.c src/core/bulk_message.h \
	src/core/grpc_health.c src/core/grpc_health.h \
	src/core/sync_digest.c src/core/sync_digest.h \
	src/core/table_watch.c src/core/table_watch.h \
	src/core/tracked.c src/core/tracked.h \
	src/core/tracked_order.c src/core/tracked_order.h
