# One kernel or library facility each, thin.
noinst_LIBRARIES += libio.a
libio_a_SOURCES = \
	src/io/aside.c src/io/aside.h \
	src/io/channel.c src/io/channel.h \
	src/io/json_memory.c src/io/json_memory.h \
	src/io/json_words.c src/io/json_words.h \
	src/io/file.c src/io/file.h \
	src/io/clock.h \
	src/io/helper.c src/io/helper.h \
	src/io/journal.c src/io/journal.h \
	src/io/systemd.c src/io/systemd.h
libio_a_SOURCES += \
	src/io/group_sock.c src/io/group_sock.h \
	src/io/privilege.c src/io/privilege.h \
	src/io/sandbox.h \
	src/io/trusted_path.c src/io/trusted_path.h \
	src/io/way.c src/io/way.h
libio_a_SOURCES += \
	src/io/ipvs.c src/io/ipvs.h \
	src/io/ipvs_answer.c src/io/ipvs_answer.h \
	src/io/ipvs_dump.c \
	src/io/ipvs_exchange.c src/io/ipvs_exchange.h \
	src/io/ipvs_failure.c \
	src/io/ipvs_request.c src/io/ipvs_request.h \
	src/io/sysctl.c src/io/sysctl.h
libio_a_SOURCES += \
	src/io/arp.c src/io/arp.h \
	src/io/echo.c src/io/echo.h \
	src/io/link_sock.c src/io/link_sock.h \
	src/io/ndisc.c src/io/ndisc.h \
	src/io/net_monitor.c src/io/net_monitor.h \
	src/io/peer_memory.c src/io/peer_memory.h \
	src/io/rtnl.c src/io/rtnl.h \
	src/io/rtnl_request.c src/io/rtnl_request.h \
	src/io/rtnl_sock.c src/io/rtnl_sock.h \
	src/io/tun.c src/io/tun.h \
	src/io/vrrp_sock.c src/io/vrrp_sock.h
libio_a_SOURCES += \
	src/io/conntrack.c src/io/conntrack.h \
	src/io/conntrack_batch.c src/io/conntrack_batch.h \
	src/io/conntrack_entry.c \
	src/io/fou.c src/io/fou.h \
	src/io/netdev.c src/io/netdev.h \
	src/io/nft.c src/io/nft.h
libio_a_SOURCES += \
	src/io/claim_sock.c src/io/claim_sock.h \
	src/io/conn_list.c src/io/conn_list.h \
	src/io/device_drops.c src/io/device_drops.h \
	src/io/proc_lines.c src/io/proc_lines.h \
	src/io/proc_pid.c src/io/proc_pid.h \
	src/io/service_list.c src/io/service_list.h \
	src/io/udp_queue.c src/io/udp_queue.h
if SANITIZERS
libio_a_SOURCES += src/io/sandbox_off.c
else
libio_a_SOURCES += src/io/sandbox.c
endif
