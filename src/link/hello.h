/* The first message of each side of a stream: who it is, and with what its datagrams are made. */
#pragma once

#include "link/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_MAX 4096
#define HELLO_NAME_MAX 256
#define HELLO_VERSION 1

struct hello {
	char node[HELLO_NAME_MAX];
	uint8_t nonce[SEAL_NONCE_LEN]; /* of the process */
	enum seal_cipher cipher;       /* of its datagrams */
	unsigned sync_id;
};

/* Text to release with free(); NULL: no memory. */
char *hello_build(const struct hello *h);
/* *ret is written only when it is understood; otherwise a clause says what is wrong. */
const char *hello_parse(const void *text, size_t len, struct hello *ret);
