/* One event, one journal entry or one line. Values are quoted when they hold a space. */
#include "io/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define FIELDS_MAX 24
#define FIELD_TEXT_MAX 1024

int journal_target_parse(const char *name, enum journal_target *ret)
{
	static const char *const names[] = {"auto", "journal", "stderr"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum journal_target)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* systemd sets JOURNAL_STREAM to "device:inode" of the socket it connected standard error to. */
enum journal_target journal_target_resolve(enum journal_target target)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (target != JOURNAL_AUTO)
		return target;
	if (stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
		return JOURNAL_JOURNAL;
	return JOURNAL_STDERR;
}

struct entry {
	char texts[FIELDS_MAX][FIELD_TEXT_MAX];
	struct iovec iov[FIELDS_MAX];
	int n;
};

static void add_field(struct entry *e, const char *key, const char *value)
{
	int len;

	if (e->n == FIELDS_MAX)
		return;
	len = snprintf(e->texts[e->n], FIELD_TEXT_MAX, "%s=%s", key, value);
	if (len < 0)
		return;
	e->iov[e->n].iov_base = e->texts[e->n];
	e->iov[e->n].iov_len = len < FIELD_TEXT_MAX ? (size_t)len : FIELD_TEXT_MAX - 1;
	e->n++;
}

static void write_journal(enum event event, const char *message, json_t *fields)
{
	struct entry e = {.n = 0};
	char priority[2] = {(char)('0' + event_priority(event)), '\0'};
	const char *key;
	json_t *value;

	add_field(&e, "MESSAGE", message);
	add_field(&e, "MESSAGE_ID", event_message_id(event));
	add_field(&e, "PRIORITY", priority);
	add_field(&e, "TANDEM_EVENT", event_name(event));
	json_object_foreach (fields, key, value)
		if (json_is_string(value))
			add_field(&e, key, json_string_value(value));
	/* The journal being away is no reason to stop, and there is nowhere else to say so. */
	(void)sd_journal_sendv(e.iov, e.n);
}

static void print_time(FILE *f)
{
	struct timespec ts;
	struct tm tm;
	char text[32];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)fprintf(f, "%s.%06ldZ", text, ts.tv_nsec / 1000);
}

static void print_fields(FILE *f, json_t *fields)
{
	const char *key, *text;
	json_t *value;

	json_object_foreach (fields, key, value) {
		text = json_string_value(value);
		if (text)
			(void)fprintf(f, strpbrk(text, " \"=") || !*text ? " %s=\"%s\"" : " %s=%s",
				key, text);
	}
}

static void write_stderr(enum event event, const char *message, json_t *fields)
{
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);

	if (!f)
		return;
	print_time(f);
	(void)fprintf(f, " %s %s", event_name(event), message);
	print_fields(f, fields);
	(void)fputc('\n', f);
	if (fclose(f) == 0)
		(void)fwrite(
			line, 1, len, stderr); /* one write: lines of several writers do not mix */
	free(line);
}

void journal_write(
	enum journal_target target, enum event event, const char *message, json_t *fields)
{
	if (target == JOURNAL_JOURNAL)
		write_journal(event, message, fields);
	else
		write_stderr(event, message, fields);
}
