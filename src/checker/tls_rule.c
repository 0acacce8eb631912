/* The TLS of a check. OpenSSL verifies; this module gives it the authorities and the name, and
 * keeps what it found as a line for the operator. Certificates and keys are read once, and again
 * when their files changed. */
#include "checker/tls_rule.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_S 86400
#define WARN_WITHIN_DEFAULT_S (14 * DAY_S)
#define NAME_SHOWN_MAX 36

enum { FILE_CA, FILE_CERTIFICATE, FILE_KEY };
static const char *const file_keys[TLS_FILES] = {
	[FILE_CA] = "ca_file",
	[FILE_CERTIFICATE] = "certificate_file",
	[FILE_KEY] = "key_file",
};

static int set_text(const json_t *settings, const char *key, char **ret)
{
	const char *text = json_string_value(json_object_get(settings, key));

	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int refuse(char *error, size_t size, const char *what, const char *path)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	(void)snprintf(error, size, "%s %s: %s", what, path, why ? why : "cannot be used");
	ERR_clear_error();
	return -EINVAL;
}

/* The reason that a file cannot be opened is errno's: OpenSSL says "system lib". */
static int open_pem(const char *what, const char *path, char *error, size_t size, BIO **ret)
{
	FILE *f = fopen(path, "re");

	if (!f) {
		(void)snprintf(error, size, "%s %s: %s", what, path, strerror(errno));
		return -EINVAL;
	}
	*ret = BIO_new_fp(f, BIO_CLOSE);
	if (*ret)
		return 0;
	(void)fclose(f);
	return -ENOMEM;
}

static int read_authorities(struct tls_material *m, const char *path, char *error, size_t size)
{
	BIO *bio = NULL;
	X509 *one;
	int n = 0, r = open_pem(file_keys[FILE_CA], path, error, size, &bio);

	if (r < 0)
		return r;
	m->authorities = X509_STORE_new();
	while (m->authorities && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(m->authorities, one);
		X509_free(one);
	}
	BIO_free(bio);
	if (n == 0)
		return refuse(error, size, file_keys[FILE_CA], path);
	ERR_clear_error(); /* the end of the file is an error to it */
	return 0;
}

static int read_certificate(struct tls_material *m, const char *path, char *error, size_t size)
{
	BIO *bio = NULL;
	X509 *one;
	int r = open_pem(file_keys[FILE_CERTIFICATE], path, error, size, &bio);

	if (r < 0)
		return r;
	m->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	m->chain = sk_X509_new_null();
	while (m->certificate && m->chain && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(m->chain, one))
			X509_free(one);
	BIO_free(bio);
	if (!m->certificate)
		return refuse(error, size, file_keys[FILE_CERTIFICATE], path);
	ERR_clear_error();
	return 0;
}

/* A key under a passphrase is refused: nobody is there to say it. */
static int no_passphrase(char *buf, int size, int rwflag, void *userdata)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)userdata;
	return -1;
}

static int read_key(struct tls_material *m, const char *path, char *error, size_t size)
{
	BIO *bio = NULL;
	int r = open_pem(file_keys[FILE_KEY], path, error, size, &bio);

	if (r < 0)
		return r;
	m->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	return m->key && X509_check_private_key(m->certificate, m->key) == 1
		       ? 0
		       : refuse(error, size, file_keys[FILE_KEY], path);
}

static void free_material(struct tls_material *m)
{
	X509_STORE_free(m->authorities);
	X509_free(m->certificate);
	sk_X509_pop_free(m->chain, X509_free);
	EVP_PKEY_free(m->key);
	*m = (struct tls_material){0};
}

static int read_files(
	const struct tls_rule *rule, char *error, size_t size, struct tls_material *ret)
{
	const char *ca = rule->files[FILE_CA].path, *key = rule->files[FILE_KEY].path;
	const char *certificate = rule->files[FILE_CERTIFICATE].path;
	int r = ca ? read_authorities(ret, ca, error, size) : 0;

	if (r == 0 && certificate)
		r = read_certificate(ret, certificate, error, size);
	if (r == 0 && certificate)
		r = read_key(ret, key ? key : certificate, error, size);
	return r;
}

/* Whether one of them is another file than before. */
static bool look_at_files(struct tls_rule *rule)
{
	bool changed = false;

	for (size_t i = 0; i < TLS_FILES; i++) {
		struct tls_file *f = &rule->files[i];
		struct stat is = {0};

		if (!f->path || stat(f->path, &is) < 0)
			continue;
		changed = changed || is.st_ino != f->inode || is.st_size != f->size ||
			  is.st_mtim.tv_sec != f->modified.tv_sec ||
			  is.st_mtim.tv_nsec != f->modified.tv_nsec;
		f->inode = is.st_ino;
		f->size = is.st_size;
		f->modified = is.st_mtim;
	}
	return changed;
}

int tls_rule_refresh(struct tls_rule *rule, int64_t now_s, char *error, size_t size)
{
	struct tls_material material = {0};
	int r;

	if (rule->loaded && now_s - rule->seen_s < TLS_FILES_AGE_S && now_s >= rule->seen_s)
		return 0;
	rule->seen_s = now_s;
	if (!look_at_files(rule) && rule->loaded)
		return 0;
	r = read_files(rule, error, size, &material);
	if (r < 0) {
		free_material(&material);
		return rule->loaded ? 0 : r;
	}
	free_material(&rule->material);
	rule->material = material;
	rule->loaded = true;
	return 0;
}

static int version_of(const char *name)
{
	static const struct {
		const char *name;
		int version;
	} versions[] = {{"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION},
		{"1.3", TLS1_3_VERSION}};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i].name, name) == 0)
			return versions[i].version;
	return -1;
}

static int set_numbers(struct tls_rule *rule, const json_t *settings)
{
	const char *version = json_string_value(json_object_get(settings, "min_version"));
	const json_t *expires = json_object_get(settings, "expires_within_us");
	const json_t *warn = json_object_get(settings, "warn_within_us");

	rule->min_version = version_of(version ? version : "1.2");
	rule->has_expiry = json_is_integer(expires);
	rule->expires_within_s = json_integer_value(expires) / 1000000;
	rule->warn_within_s =
		json_is_integer(warn) ? json_integer_value(warn) / 1000000 : WARN_WITHIN_DEFAULT_S;
	return rule->min_version < 0 || rule->expires_within_s < 0 || rule->warn_within_s < 0
		       ? -EINVAL
		       : 0;
}

int tls_rule_parse(const json_t *settings, struct tls_rule *ret)
{
	int r = set_numbers(ret, settings);

	for (size_t i = 0; r == 0 && i < TLS_FILES; i++)
		r = set_text(settings, file_keys[i], &ret->files[i].path);
	if (r == 0)
		r = set_text(settings, "server_name", &ret->server_name);
	if (r == 0)
		r = set_text(settings, "verify_name", &ret->verify_name);
	if (r == 0)
		r = set_text(settings, "alpn", &ret->alpn);
	return r;
}

void tls_rule_done(struct tls_rule *rule)
{
	free(rule->server_name);
	free(rule->verify_name);
	free(rule->alpn);
	for (size_t i = 0; i < TLS_FILES; i++)
		free(rule->files[i].path);
	free_material(&rule->material);
	*rule = (struct tls_rule){0};
}

void tls_seen_init(struct tls_seen *seen, const struct tls_rule *rule, int64_t now_s)
{
	*seen = (struct tls_seen){.rule = rule, .now_s = now_s, .expires_s = TLS_EXPIRY_UNKNOWN};
}

static int64_t unix_time(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool good = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;

	ASN1_TIME_free(epoch);
	return good ? (int64_t)days * DAY_S + seconds : TLS_EXPIRY_UNKNOWN;
}

static const char *span_text(int64_t seconds, char *buf, size_t size)
{
	int64_t n = seconds >= DAY_S ? seconds / DAY_S : seconds / 3600;
	const char *unit = seconds >= DAY_S ? "day" : "hour";

	if (seconds < 3600) {
		n = seconds / 60;
		unit = "minute";
	}
	(void)snprintf(buf, size, "%lld %s%s", (long long)n, unit, n == 1 ? "" : "s");
	return buf;
}

static void refuse_expired(struct tls_seen *seen, int64_t expires_s, const char *which)
{
	char span[40];

	(void)snprintf(seen->reason, sizeof(seen->reason), "TLS: %scertificate expired %s ago",
		which, span_text(seen->now_s - expires_s, span, sizeof(span)));
}

/* What a certificate says of whom it is for: its first DNS name, or its common name. */
static void name_of(X509 *certificate, char *buf, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int len = -1;

	(void)snprintf(buf, size, "no name");
	for (int i = 0; len < 0 && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS) {
			len = ASN1_STRING_length(name->d.dNSName);
			(void)snprintf(buf, size, "%.*s", len,
				(const char *)ASN1_STRING_get0_data(name->d.dNSName));
		}
	}
	if (len < 0)
		(void)X509_NAME_get_text_by_NID(
			X509_get_subject_name(certificate), NID_commonName, buf, (int)size);
	GENERAL_NAMES_free(names);
	for (char *c = buf; *c; c++) /* it is the server's word */
		if (*c < 0x21 || *c > 0x7e)
			*c = '?';
}

static void refuse_name(struct tls_seen *seen, X509 *certificate)
{
	char name[NAME_SHOWN_MAX];

	name_of(certificate, name, sizeof(name));
	(void)snprintf(seen->reason, sizeof(seen->reason),
		"TLS: name mismatch: wanted %.*s, it is for %s", NAME_SHOWN_MAX,
		seen->rule->verify_name, name);
}

static void note_refusal(struct tls_seen *seen, X509_STORE_CTX *context)
{
	int error = X509_STORE_CTX_get_error(context);
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	bool leaf = X509_STORE_CTX_get_error_depth(context) == 0;

	if (error == X509_V_ERR_CERT_HAS_EXPIRED && certificate)
		refuse_expired(seen, unix_time(X509_get0_notAfter(certificate)),
			leaf ? "" : "authority's ");
	else if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
		refuse_name(seen, X509_STORE_CTX_get0_cert(context));
	else
		(void)snprintf(seen->reason, sizeof(seen->reason), "TLS: %s",
			X509_verify_cert_error_string(error));
}

static int want_name(X509_STORE_CTX *context, const char *name)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);

	return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ||
	       X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

/* A name is worth something only from an authority; without authorities it is looked at alone. */
static bool has_name(X509 *certificate, const char *name)
{
	return X509_check_ip_asc(certificate, name, 0) == 1 ||
	       X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

/* OpenSSL asks for every certificate that a server shows. */
static int verify(X509_STORE_CTX *context, void *userdata)
{
	struct tls_seen *seen = userdata;
	const struct tls_rule *rule = seen->rule;
	X509 *certificate = X509_STORE_CTX_get0_cert(context);

	seen->expires_s = unix_time(X509_get0_notAfter(certificate));
	if (!rule->material.authorities) {
		if (!rule->verify_name || has_name(certificate, rule->verify_name))
			return 1;
		X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH);
		refuse_name(seen, certificate);
		return 0;
	}
	if (rule->verify_name && !want_name(context, rule->verify_name))
		return 0;
	if (X509_verify_cert(context) == 1)
		return 1;
	note_refusal(seen, context);
	return 0;
}

static int offer_alpn(SSL_CTX *context, const char *alpn)
{
	unsigned char list[256];
	size_t len = strlen(alpn);

	if (len == 0 || len >= sizeof(list))
		return -EINVAL;
	list[0] = (unsigned char)len;
	memcpy(list + 1, alpn, len);
	return SSL_CTX_set_alpn_protos(context, list, (unsigned)len + 1) == 0 ? 0 : -ENOMEM;
}

int tls_rule_apply(SSL_CTX *context, struct tls_seen *seen)
{
	const struct tls_rule *rule = seen->rule;
	const struct tls_material *m = &rule->material;

	if (!SSL_CTX_set_min_proto_version(context, rule->min_version))
		return -ENOMEM;
	/* After a record that is no data reading ends: else tickets without end would never let go.
	 */
	(void)SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	if (rule->min_version < TLS1_2_VERSION)
		SSL_CTX_set_security_level(context, 0); /* they sign with SHA-1 */
	if (m->authorities)
		SSL_CTX_set1_cert_store(context, m->authorities);
	if (m->certificate &&
		!SSL_CTX_use_cert_and_key(context, m->certificate, m->key, m->chain, 1))
		return -ENOMEM;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, seen);
	return rule->alpn ? offer_alpn(context, rule->alpn) : 0;
}

/* How long the certificate is valid; as good as for ever when none was shown. */
static int64_t left_of(const struct tls_seen *seen)
{
	return seen->expires_s == TLS_EXPIRY_UNKNOWN ? INT64_MAX : seen->expires_s - seen->now_s;
}

bool tls_seen_judge(struct tls_seen *seen)
{
	const struct tls_rule *rule = seen->rule;
	int64_t left_s = left_of(seen);
	char left[40];

	if (seen->reason[0] != '\0')
		return false;
	if (!rule->has_expiry || left_s > rule->expires_within_s)
		return true;
	if (left_s < 0)
		refuse_expired(seen, seen->expires_s, "");
	else
		(void)snprintf(seen->reason, sizeof(seen->reason), "TLS: certificate expires in %s",
			span_text(left_s, left, sizeof(left)));
	return false;
}

const char *tls_seen_note(const struct tls_seen *seen, char *buf, size_t size)
{
	int64_t left_s = left_of(seen);
	char span[40];

	buf[0] = '\0';
	if (left_s < 0)
		(void)snprintf(buf, size, ", certificate expired %s ago",
			span_text(-left_s, span, sizeof(span)));
	else if (left_s < seen->rule->warn_within_s)
		(void)snprintf(buf, size, ", certificate expires in %s",
			span_text(left_s, span, sizeof(span)));
	return buf;
}

const char *tls_error_text(const char *words, char *buf, size_t size)
{
	const char *at = strstr(words, "::"), *end;
	size_t len;

	words = at ? at + 2 : words;
	end = strchr(words, ',');
	len = end ? (size_t)(end - words) : strlen(words);
	(void)snprintf(buf, size, "%.*s", (int)(len < size ? len : size), words);
	return buf;
}
