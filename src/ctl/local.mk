bin_PROGRAMS += tandemctl
tandemctl_SOURCES = \
	src/ctl/caller.c src/ctl/caller.h \
	src/ctl/command.c src/ctl/command.h \
	src/ctl/director_commands.c \
	src/ctl/election_commands.c \
	src/ctl/keygen_command.c \
	src/ctl/main.c \
	src/ctl/pair_commands.c \
	src/ctl/peer_trouble.c src/ctl/peer_trouble.h \
	src/ctl/plan_command.c \
	src/ctl/print.c src/ctl/print.h \
	src/ctl/server_commands.c \
	src/ctl/why_command.c
tandemctl_LDADD = libmetrics.a $(LIBREALSERVER)
