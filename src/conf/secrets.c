/* Keys and passwords: only ever named by file, and read when the configuration is to be used. What
 * others than the owner could read is no secret. */
#include "conf/secrets.h"
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "conf/conf.h"
#include "core/vrrp_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void add_error_at(struct conf_errors *errors, const char *file, unsigned line, char *text)
{
	struct conf_error *items =
		reallocarray(errors->items, errors->n + 1, sizeof(*errors->items));

	if (!items)
		abort();
	errors->items = items;
	items[errors->n++] = (struct conf_error){.file = conf_dup(file),
		.line = line,
		.column = line ? 1 : 0,
		.pointer = conf_dup(""),
		.text = text};
}

/* The file as a whole: whoever reads that wants to know who asks for it. */
static void add_error(struct conf_errors *errors, const char *file, const char *wrong, char *by)
{
	add_error_at(errors, file, 0, conf_printf("%s; %s names it", wrong, by));
	free(by);
}

/* NULL, or why the file is not to be used. */
static const char *judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to somebody else";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "can be read by others than its owner (chmod 600)";
	return NULL;
}

const char *secret_read(const char *path, struct secret *ret)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	const char *wrong;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	wrong = judge(&st);
	if (wrong)
		return wrong;
	n = read(fd, ret->bytes, sizeof(ret->bytes));
	if (n < 0)
		return strerror(errno);
	ret->len = (size_t)n;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	return NULL;
}

static bool is_text(const struct secret *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s->bytes[i] < 0x20 || s->bytes[i] > 0x7e)
			return false;
	return true;
}

/* The line's end is no part of a text. */
static void drop_newline(struct secret *s)
{
	if (s->len > 0 && s->bytes[s->len - 1] == '\n' && is_text(s, s->len - 1))
		s->len--;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "hex:" and digits. */
static bool decode(struct secret *s)
{
	size_t n = (s->len - 4) / 2;

	if (s->len % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s->bytes[4 + 2 * i]), low = hex_digit(s->bytes[5 + 2 * i]);
		if (high < 0 || low < 0)
			return false;
		s->bytes[i] = (uint8_t)(high << 4 | low);
	}
	s->len = n;
	return true;
}

static void read_key(const char *router, struct conf_key *key, struct conf_errors *errors)
{
	struct secret s = {0};
	const char *wrong = secret_read(key->file, &s);

	if (!wrong) {
		drop_newline(&s);
		if (s.len >= 4 && memcmp(s.bytes, "hex:", 4) == 0 && !decode(&s))
			wrong = "has something else than hexadecimal digits after \"hex:\"";
		else if (s.len < VRRP_AUTH_KEY_MIN || s.len > VRRP_AUTH_KEY_MAX)
			wrong = "is no key: that has 32 to 64 bytes";
	}
	if (wrong) {
		add_error(errors, key->file, wrong,
			conf_printf("/virtual_routers/%s/auth/keys/%u/file", router, key->id));
	} else {
		memcpy(key->bytes, s.bytes, s.len);
		key->len = (uint8_t)s.len;
	}
	explicit_bzero(&s, sizeof(s));
}

static void read_password(const char *router, struct conf_auth *auth, struct conf_errors *errors)
{
	struct secret s = {0};
	const char *wrong = secret_read(auth->password_file, &s);

	if (!wrong) {
		drop_newline(&s);
		if (s.len < 1 || s.len > CONF_PASSWORD_LEN || !is_text(&s, s.len))
			wrong = "is no password: that has 1 to 8 printable ASCII characters";
	}
	if (wrong)
		add_error(errors, auth->password_file, wrong,
			conf_printf("/virtual_routers/%s/auth/password_file", router));
	else
		memcpy(auth->password, s.bytes, s.len);
	explicit_bzero(&s, sizeof(s));
}

static void read_pair_keys(struct conf_link *link, struct conf_errors *errors)
{
	struct secret s = {0};
	const char *wrong = secret_read(link->key_file, &s);
	enum pair_key_fault fault;
	unsigned line;

	if (wrong) {
		add_error(errors, link->key_file, wrong,
			conf_dup(access(link->key_file, F_OK) == 0
					 ? "/link/key_file"
					 : "tandemctl keygen makes one; /link/key_file"));
	} else {
		fault = pair_keys_parse(s.bytes, s.len, &link->keys, &line);
		if (fault != PAIR_KEY_OK)
			add_error_at(
				errors, link->key_file, line, conf_dup(pair_key_fault_text(fault)));
	}
	explicit_bzero(&s, sizeof(s));
}

static void forget_stored(struct conf *c)
{
	if (c->secrets.stored)
		(void)close(c->secrets.fd);
	c->secrets.stored = false;
}

bool conf_read_secrets(struct conf *c, struct conf_errors *ret_errors)
{
	size_t before = ret_errors->n;

	forget_stored(c); /* what was hidden is another one soon */

	for (size_t i = 0; i < c->n_routers; i++) {
		struct conf_auth *auth = &c->routers[i].auth;
		if (auth->password_file)
			read_password(c->routers[i].name, auth, ret_errors);
		for (size_t k = 0; k < auth->n_keys; k++)
			read_key(c->routers[i].name, &auth->keys[k], ret_errors);
	}
	if (c->link.enabled && c->link.key_file)
		read_pair_keys(&c->link, ret_errors);
	return ret_errors->n == before;
}

/* Hidden and shown */

static void forget_shown(struct conf *c)
{
	for (size_t i = 0; i < c->n_routers; i++) {
		struct conf_auth *auth = &c->routers[i].auth;

		explicit_bzero(auth->password, sizeof(auth->password));
		for (size_t k = 0; k < auth->n_keys; k++)
			explicit_bzero(auth->keys[k].bytes, sizeof(auth->keys[k].bytes));
	}
	explicit_bzero(&c->link.keys, sizeof(c->link.keys));
}

struct copying {
	int fd;
	off_t at;
	bool out; /* to the descriptor */
	bool failed;
};

static void copy(struct copying *k, void *bytes, size_t len)
{
	ssize_t n = k->out ? pwrite(k->fd, bytes, len, k->at) : pread(k->fd, bytes, len, k->at);

	if (n != (ssize_t)len)
		k->failed = true;
	k->at += (off_t)len;
}

static int copy_all(struct conf *c, bool out)
{
	struct copying k = {.fd = c->secrets.fd, .out = out};

	for (size_t i = 0; i < c->n_routers; i++) {
		struct conf_auth *auth = &c->routers[i].auth;

		copy(&k, auth->password, sizeof(auth->password));
		for (size_t j = 0; j < auth->n_keys; j++)
			copy(&k, auth->keys[j].bytes, sizeof(auth->keys[j].bytes));
	}
	copy(&k, &c->link.keys, sizeof(c->link.keys));
	return k.failed ? -EIO : 0;
}

static int store(struct conf *c)
{
	int r;

	if (c->secrets.stored)
		return 0;
	c->secrets.fd = memfd_create("tandem-keys", MFD_CLOEXEC);
	if (c->secrets.fd < 0)
		return -errno;
	r = copy_all(c, true);
	if (r < 0)
		(void)close(c->secrets.fd);
	c->secrets.stored = r == 0;
	return r;
}

int conf_hide_secrets(struct conf *c)
{
	int r = store(c);

	if (r == 0)
		forget_shown(c);
	return r;
}

int conf_show_secrets(struct conf *c)
{
	return c->secrets.stored ? copy_all(c, false) : 0;
}

void secrets_forget(struct conf *c)
{
	forget_shown(c);
	forget_stored(c);
}
