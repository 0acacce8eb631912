/* How a check speaks TLS, and what it thinks of the certificate that it is shown. */
#pragma once

#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TLS_REASON_MAX 128
#define TLS_EXPIRY_UNKNOWN INT64_MIN

#define TLS_FILES 3

/* A file that is read again when it changed. */
struct tls_file {
	char *path; /* NULL: none */
	struct timespec modified;
	ino_t inode;
	off_t size;
};

/* What is in the files. */
struct tls_material {
	X509_STORE *authorities; /* that the certificate must come from; NULL: not verified */
	X509 *certificate;       /* shown to a server that asks; NULL: none */
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

struct tls_rule {
	char *server_name;        /* sent as SNI; NULL: none */
	char *verify_name;        /* that the certificate must have; NULL: any */
	char *alpn;               /* offered by a check of TLS alone; NULL: none */
	int min_version;          /* TLS1_2_VERSION, ... */
	bool has_expiry;          /* a certificate must be valid for */
	int64_t expires_within_s; /* this long from now */
	int64_t warn_within_s;    /* less is said in the reason */
	struct tls_file files[TLS_FILES];
	struct tls_material material;
	bool loaded;    /* it is from the files, or there are none */
	int64_t seen_s; /* when the files were looked at last */
};

/* From `settings`, an object or NULL. Returns 0, -EINVAL or -ENOMEM; done is right after each.
 * `ret` must be zero. */
int tls_rule_parse(const json_t *settings, struct tls_rule *ret);
void tls_rule_done(struct tls_rule *rule);

/* Before an attempt: reads the files if they were not read yet, or have changed; that is looked at
 * once in TLS_FILES_AGE_S. Returns 0, or -EINVAL with what is wrong in `error` when there is
 * nothing to go on with: what was read before stays as long as the files are not usable. */
#define TLS_FILES_AGE_S 10
int tls_rule_refresh(struct tls_rule *rule, int64_t now_s, char *error, size_t size);

/* What one handshake showed. */
struct tls_seen {
	const struct tls_rule *rule;
	int64_t now_s;               /* Unix time of the attempt */
	int64_t expires_s;           /* of the certificate; TLS_EXPIRY_UNKNOWN: none was shown */
	char reason[TLS_REASON_MAX]; /* why the certificate was refused; "": it was not */
};
void tls_seen_init(struct tls_seen *seen, const struct tls_rule *rule, int64_t now_s);

/* Make connections of `context` follow the rule and note what they see. 0 or -ENOMEM. */
int tls_rule_apply(SSL_CTX *context, struct tls_seen *seen);

/* After a handshake: whether the certificate is valid long enough, else `seen->reason`. */
bool tls_seen_judge(struct tls_seen *seen);
/* What is worth saying of a certificate that was accepted: ", certificate expires in 5 days", or
 * "". */
const char *tls_seen_note(const struct tls_seen *seen, char *buf, size_t size);

/* The part of libcurl's or OpenSSL's words that means something to a reader: "wrong version
 * number". */
const char *tls_error_text(const char *words, char *buf, size_t size);
