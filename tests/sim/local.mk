# Directors on a virtual clock and a simulated LAN.
check_PROGRAMS += tests/sim/sim_vrrp
TESTS += tests/sim/sim_vrrp
tests_sim_sim_vrrp_SOURCES = tests/sim/sim_vrrp.c
tests_sim_sim_vrrp_LDADD = libcore.a libbase.a
