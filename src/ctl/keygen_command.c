/* tandemctl keygen: writes the file of the pair's keys, and changes it in the three steps in which
 * a key is exchanged. No director is asked: a reload makes it read the file. Keys are printed only
 * when standard output is what is asked for. */
#include "base/cleanup.h"
#include "conf/secrets.h"
#include "core/pair_key.h"
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_FILE TANDEM_SYSCONFDIR "/tandem/link.key"
#define COMMENT                                                                                    \
	"# Keys of a pair of tandem directors: the same on both, secret from all others.\n"        \
	"# The first is active, all are accepted. See tandem-link(7).\n"

/* A file of keys: what it says, and how. */
struct key_file {
	const char *path;
	struct secret secret; /* its text */
	struct pair_keys keys;
};

struct choice {
	bool add, activate, drop, list;
};

static int fail_at(const char *path, const char *wrong)
{
	(void)fprintf(stderr, "tandemctl: %s: %s\n", path, wrong);
	return EXIT_FAILURE;
}

/* False, with errno, when the kernel has no randomness to give. */
static bool draw(struct pair_key *ret)
{
	uint8_t bytes[PAIR_KEY_LEN];
	ssize_t n = getrandom(bytes, sizeof(bytes), 0);

	if (n != (ssize_t)sizeof(bytes)) {
		errno = n < 0 ? errno : EIO;
		return false;
	}
	pair_key_make(bytes, ret);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

/* To the disk, whole, or false with errno. */
static bool write_text(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

/* --- A new file --- */

static bool create(const char *path, const char *text, size_t len)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return false;
	if (write_text(fd, text, len))
		return true;
	error = errno;
	(void)unlink(path); /* half a file of keys is worse than none */
	errno = error;
	return false;
}

static void tell_keys(const struct ctl *c, const char *path, const struct pair_keys *keys)
{
	json_t *ids = json_array();
	char id[PAIR_KEY_TEXT_MAX];

	for (unsigned i = 0; i < keys->n; i++) {
		(void)pair_key_format_id(keys->items[i].id, id);
		(void)json_array_append_new(ids, json_string(id));
		if (!c->json)
			(void)printf("%s: key %s%s\n", path, id, i == 0 ? ", active" : "");
	}
	if (c->json) {
		json_t *answer = json_pack("{s:s, s:O}", "file", path, "keys", ids);
		ctl_print_json(answer);
		json_decref(answer);
	}
	json_decref(ids);
}

static int begin(const struct ctl *c, const char *path)
{
	char text[PAIR_KEY_FILE_MAX];
	struct pair_keys keys = {.n = 1};
	int status = EXIT_SUCCESS;
	size_t len;

	if (!draw(&keys.items[0]))
		return fail_at("getrandom", strerror(errno));
	len = pair_keys_rewrite(COMMENT, sizeof(COMMENT) - 1, &keys, text);
	if (strcmp(path, "-") == 0) {
		if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
			status = fail_at("standard output", strerror(errno));
	} else if (create(path, text, len)) {
		tell_keys(c, path, &keys);
	} else {
		status = fail_at(path, errno == EEXIST ? "is there already, and stays as it is; "
							 "--add puts a new key into it"
						       : strerror(errno));
	}
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&keys, sizeof(keys));
	return status;
}

/* --- A file that is there --- */

static bool read_keys(const char *path, struct key_file *ret)
{
	const char *wrong = secret_read(path, &ret->secret);
	enum pair_key_fault fault;
	unsigned line = 0;

	ret->path = path;
	if (wrong) {
		(void)fail_at(path, wrong);
		return false;
	}
	fault = pair_keys_parse(ret->secret.bytes, ret->secret.len, &ret->keys, &line);
	if (fault == PAIR_KEY_OK)
		return true;
	if (line > 0)
		(void)fprintf(
			stderr, "tandemctl: %s:%u: %s\n", path, line, pair_key_fault_text(fault));
	else
		(void)fail_at(path, pair_key_fault_text(fault));
	return false;
}

/* In its place, at once, for the same owner alone. */
static bool replace(const struct key_file *file, const char *text, size_t len)
{
	auto_free char *temporary = NULL;
	auto_close int fd = -1;
	int error;

	if (asprintf(&temporary, "%s.XXXXXX", file->path) < 0) {
		temporary = NULL;
		errno = ENOMEM;
		return false;
	}
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return false;
	if (fchown(fd, file->secret.uid, file->secret.gid) == 0 && write_text(fd, text, len) &&
		rename(temporary, file->path) == 0)
		return true;
	error = errno;
	(void)unlink(temporary);
	errno = error;
	return false;
}

/* The keys as they should be; NULL, or why not. */
static const char *exchange(struct pair_keys *keys, const struct choice *choice)
{
	struct pair_key last = keys->items[keys->n - 1];

	if (choice->add) {
		if (keys->n == PAIR_KEYS_MAX)
			return "has 8 keys, which is the most; --drop leaves the active one";
		if (!draw(&keys->items[keys->n]))
			return strerror(errno);
		keys->n++;
	} else if (choice->activate) {
		if (keys->n == 1)
			return "has one key, which is active; --add puts a second one into it";
		memmove(keys->items + 1, keys->items, (keys->n - 1) * sizeof(keys->items[0]));
		keys->items[0] = last;
	} else {
		keys->n = 1;
	}
	explicit_bzero(&last, sizeof(last));
	return NULL;
}

static int change(const struct ctl *c, struct key_file *file, const struct choice *choice)
{
	const char *wrong = exchange(&file->keys, choice);
	char text[PAIR_KEY_FILE_MAX];
	int status = EXIT_SUCCESS;
	size_t len;

	if (wrong)
		return fail_at(file->path, wrong);
	len = pair_keys_rewrite(file->secret.bytes, file->secret.len, &file->keys, text);
	if (len == 0)
		status = fail_at(file->path, "would be longer than 8192 bytes");
	else if (!replace(file, text, len))
		status = fail_at(file->path, strerror(errno));
	else
		tell_keys(c, file->path, &file->keys);
	explicit_bzero(text, sizeof(text));
	return status;
}

static int go_on(const struct ctl *c, const char *path, const struct choice *choice)
{
	struct key_file file = {0};
	int status = EXIT_FAILURE;

	if (read_keys(path, &file)) {
		if (choice->list) {
			tell_keys(c, path, &file.keys);
			status = EXIT_SUCCESS;
		} else {
			status = change(c, &file, choice);
		}
	}
	explicit_bzero(&file, sizeof(file));
	return status;
}

int command_keygen(struct ctl *c, int argc, char **argv)
{
	struct choice choice = {0};
	const struct ctl_option options[] = {
		{"add", NULL, &choice.add},
		{"activate", NULL, &choice.activate},
		{"drop", NULL, &choice.drop},
		{"list", NULL, &choice.list},
	};
	char **files =
		ctl_arguments(c, argc, argv, options, sizeof(options) / sizeof(options[0]), 0, 1);
	int n = choice.add + choice.activate + choice.drop + choice.list;
	const char *path;

	if (!files)
		return EXIT_FAILURE;
	path = files[0] ? files[0] : DEFAULT_FILE;
	if (n > 1)
		return ctl_fail("keygen: one step at a time; see tandem-link(7)");
	if (n == 1 && strcmp(path, "-") == 0)
		return ctl_fail("keygen: standard output has no keys yet");
	return n == 1 ? go_on(c, path, &choice) : begin(c, path);
}
