# tandemctl realserver
noinst_LIBRARIES += librealserver.a
librealserver_a_SOURCES = \
	src/realserver/command.c src/realserver/command.h \
	src/realserver/deeds.c src/realserver/deeds.h \
	src/realserver/host.c src/realserver/host.h \
	src/realserver/record.c src/realserver/record.h \
	src/realserver/wanted.c src/realserver/wanted.h

# What a program with it links, in this order.
LIBREALSERVER = librealserver.a libio.a $(LIBCONF) $(NL_GENL_LIBS) $(NL_LIBS)
