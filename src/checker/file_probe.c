/* The check type "file": the first line of a local file says how the server is, in the words of
 * core/agent_text, or as a number that is its weight in percent. The file is read at each attempt,
 * which is over at once; it must be a regular one, since others could make us wait. */
#include "checker/types.h"

#include "base/cleanup.h"
#include "checker/agent_result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct prober {
	char unused;
};

struct probe {
	char *path;
	bool down; /* as the file said last */
};

static int file_open(const struct probe_host *host, struct prober **ret)
{
	(void)host;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void file_close(struct prober *prober)
{
	free(prober);
}

static int file_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	const char *path = json_string_value(json_object_get(settings, "file"));
	struct probe *p;

	(void)prober;
	(void)endpoint;
	(void)target;
	if (!path || path[0] != '/')
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (p)
		p->path = strdup(path);
	if (!p || !p->path) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

static void file_free(struct probe *p)
{
	if (!p)
		return;
	free(p->path);
	free(p);
}

static int open_regular(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(&fd) : -EINVAL;
}

static enum probe_outcome file_start(struct probe *p, struct probe_result *ret)
{
	auto_close int fd = open_regular(p->path);
	char text[AGENT_TEXT_MAX];
	struct agent_reply reply;
	enum agent_reject reject;
	ssize_t n;

	if (fd == -EINVAL)
		return probe_result_set(ret, PROBE_FAILED, "file: is no regular file");
	if (fd < 0)
		return probe_result_set(ret,
			probe_is_shortage(-fd) ? PROBE_POSTPONED : PROBE_FAILED, "file: %s",
			strerror(-fd));
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return probe_result_set(ret, PROBE_FAILED, "file: %s", strerror(errno));
	reject = agent_text_parse(text, (size_t)n, true, &reply);
	if (reject != AGENT_OK)
		return probe_result_set(ret, PROBE_FAILED, "file: %s", agent_reject_text(reject));
	return agent_outcome(&reply, &p->down, ret);
}

static const char *file_abandon(struct probe *p)
{
	(void)p; /* nothing is ever under way */
	return "read";
}

const struct probe_type file_probe_type = {
	.name = "file",
	.descriptors = 1,
	.open = file_open,
	.close = file_close,
	.new = file_new,
	.free = file_free,
	.start = file_start,
	.abandon = file_abandon,
};
