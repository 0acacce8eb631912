/* The mapped state file. Its layout is for one version of tandem on one boot of one host: a header
 * that differs in anything means that nothing in it can be trusted or is of use. */
#include "elector/state_file.h"

#include "core/vrrp.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC "tandem\n"
#define VERSION 5
#define BOOT_ID_MAX 40

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t size; /* of the whole file */
	char boot_id[BOOT_ID_MAX];
};

struct state_data {
	struct state_header header;
	struct state_router routers[STATE_ROUTERS_MAX];
};

static int read_boot_id(char ret[static BOOT_ID_MAX])
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, BOOT_ID_MAX - 1);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	memset(ret + n, 0, BOOT_ID_MAX - (size_t)n);
	return 0;
}

static int make_header(struct state_header *ret)
{
	*ret = (struct state_header){
		.magic = MAGIC,
		.version = VERSION,
		.size = sizeof(struct state_data),
	};
	return read_boot_id(ret->boot_id);
}

static bool addrs_are_sound(const struct state_addrs *a)
{
	return a->n_advertised <= STATE_ADDRS_MAX && a->n_advertised <= a->n_home &&
	       a->n_home <= a->n && a->n <= STATE_MOVED_MAX;
}

static bool router_is_sound(const struct state_router *r)
{
	return addrs_are_sound(&r->addrs) && r->peers.n <= VRRP_PEERS_MAX &&
	       memchr(r->name, '\0', sizeof(r->name)) &&
	       memchr(r->interface, '\0', sizeof(r->interface));
}

static bool is_sound(const struct state_data *data, const struct state_header *expected)
{
	if (memcmp(&data->header, expected, sizeof(*expected)) != 0)
		return false;
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++)
		if (data->routers[i].used && !router_is_sound(&data->routers[i]))
			return false;
	return true;
}

/* Never through a symbolic link: the directory may be one that others can write to. */
static int open_locked(const char *runtime_dir, bool create)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/elector.state", runtime_dir);
	auto_close int fd = -1;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return take_fd(&fd);
}

struct state_slice state_addrs_at(const struct state_addrs *addrs, enum state_place place)
{
	if (place == STATE_HOME)
		return (struct state_slice){addrs->list, addrs->n_home};
	return (struct state_slice){
		addrs->list + addrs->n_home, (size_t)(addrs->n - addrs->n_home)};
}

bool state_router_is_fresh(const struct state_router *router, struct instant now)
{
	struct instant end = instant_add(router->spoke,
		vrrp_shortest_down_us(router->interval_cs, router->down_intervals));

	return router->used && router->active && !instant_reached(end, now);
}

int state_file_open(const char *runtime_dir, bool create, struct state_file *ret)
{
	struct state_header header;
	struct state_data *data;
	auto_close int fd = -1;
	int r = make_header(&header);

	if (r < 0)
		return r;
	fd = open_locked(runtime_dir, create);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, sizeof(*data)) < 0)
		return -errno;
	/* All of it now: a page that a full file system cannot give later is a SIGBUS. */
	r = -posix_fallocate(fd, 0, sizeof(*data));
	if (r < 0)
		return r;
	data = mmap(NULL, sizeof(*data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	if (!is_sound(data, &header)) {
		memset(data, 0, sizeof(*data));
		data->header = header;
	}
	*ret = (struct state_file){take_fd(&fd), data, data->routers};
	return 0;
}

void state_file_close(struct state_file *s)
{
	if (!s->data)
		return;
	(void)munmap(s->data, sizeof(*s->data)); /* cannot fail with what mmap() gave */
	(void)close(s->fd);
	*s = (struct state_file){.fd = -1};
}
