# The lab's tools; the tests themselves are started by tools/test lab.
LAB_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
check_PROGRAMS += tests/lab/probe tests/lab/server tests/lab/load tests/lab/hold
tests_lab_probe_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_probe_SOURCES = tests/lab/probe.c tests/lab/tool.h
tests_lab_server_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_server_SOURCES = tests/lab/server.c tests/lab/tool.h
tests_lab_load_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_load_SOURCES = tests/lab/load.c tests/lab/tool.h
tests_lab_hold_CPPFLAGS = $(LAB_CPPFLAGS)
tests_lab_hold_SOURCES = tests/lab/hold.c tests/lab/tool.h

EXTRA_DIST += tests/lab/pytest.ini tests/lab/guest tests/lab/guest-init tests/lab/guest-systemd \
	tests/lab/uml tests/lab/demo.py
EXTRA_DIST += tests/lab/conftest.py tests/lab/director.py tests/lab/guestrun.py \
	tests/lab/observe.py tests/lab/pair.py tests/lab/played_director.py \
	tests/lab/process.py tests/lab/topology.py
EXTRA_DIST += tests/lab/http_servers.py tests/lab/test_http_checks.py \
	tests/lab/test_hostile_servers.py tests/lab/test_http_pools.py
EXTRA_DIST += tests/lab/ask.py tests/lab/test_addresses.py tests/lab/test_forwarding.py
EXTRA_DIST += tests/lab/test_kernel_traps.py
EXTRA_DIST += tests/lab/test_limits.py tests/lab/test_routes.py \
	tests/lab/test_election_scale.py tests/lab/test_election_stress.py
EXTRA_DIST += tests/lab/test_balancing.py tests/lab/test_bench.py tests/lab/test_checker.py tests/lab/test_check_types.py \
	tests/lab/test_config.py tests/lab/test_net_checks.py tests/lab/test_crash.py tests/lab/test_election.py tests/lab/test_fullnat.py \
	tests/lab/test_lab.py tests/lab/peers.py tests/lab/test_interop.py tests/lab/test_election_bench.py \
	tests/lab/test_operations.py tests/lab/test_link.py tests/lab/test_pools.py \
	tests/lab/test_paths.py tests/lab/test_policy.py tests/lab/test_realserver.py tests/lab/test_vrrp_wire.py \
	tests/lab/test_services.py tests/lab/test_soak.py tests/lab/test_sync.py tests/lab/test_track.py \
	tests/lab/test_unit.py
