noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/addr.c src/base/addr.h \
	src/base/byteorder.h \
	src/base/cleanup.h \
	src/base/duration.c src/base/duration.h \
	src/base/event.c src/base/event.h \
	src/base/frame.c src/base/frame.h \
	src/base/index.c src/base/index.h \
	src/base/instant.h \
	src/base/mix.h \
	src/base/pattern.c src/base/pattern.h \
	src/base/peer_page.c src/base/peer_page.h \
	src/base/sha256.c src/base/sha256.h \
	src/base/text.c src/base/text.h \
	src/base/writer.c src/base/writer.h
