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
#include <unistd.h>

#define MAGIC "tandem\n"
#define VERSION 7
#define MOVED_AT_FIRST 256
#define BOOT_ID_MAX 40

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t size; /* of struct state_data and of one thing that moves, as a check */
	uint32_t moved_size;
	char boot_id[BOOT_ID_MAX];
};

/* What follows it in the file, from the next page on, is the array of things. Its length is the
 * file's. */
struct state_data {
	struct state_header header;
	struct state_router routers[STATE_ROUTERS_MAX];
};

static size_t to_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static size_t data_size(void)
{
	return to_pages(sizeof(struct state_data));
}

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
		.moved_size = sizeof(struct moved),
	};
	return read_boot_id(ret->boot_id);
}

static bool list_is_sound(const struct state_file *s, const struct state_list *list)
{
	if (list->first > s->n_moved || list->n > s->n_moved - list->first)
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (!moved_is_sound(&s->moved[list->first + i]))
			return false;
	return true;
}

static bool router_is_sound(const struct state_file *s, const struct state_router *r)
{
	return list_is_sound(s, &r->list) && r->peers.n <= VRRP_PEERS_MAX &&
	       memchr(r->name, '\0', sizeof(r->name)) &&
	       memchr(r->interface, '\0', sizeof(r->interface)) &&
	       memchr(r->mac_device, '\0', sizeof(r->mac_device));
}

static bool is_sound(const struct state_file *s, const struct state_header *expected)
{
	if (memcmp(&s->data->header, expected, sizeof(*expected)) != 0)
		return false;
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++)
		if (s->routers[i].used && !router_is_sound(s, &s->routers[i]))
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

bool state_router_is_fresh(const struct state_router *router, struct instant now)
{
	struct instant end = instant_add(
		router->spoke, vrrp_shortest_down_us(router->interval_cs, router->down_intervals));

	return router->used && router->active && !instant_reached(end, now);
}

/* All of it now: a page that a full file system cannot give later is a SIGBUS. */
static int allocate(int fd, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size < size && ftruncate(fd, (off_t)size) < 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)size);
}

static int map(int fd, size_t at, size_t size, void **ret)
{
	void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at);

	if (mapped == MAP_FAILED)
		return -errno;
	*ret = mapped;
	return 0;
}

/* How many things a file of that length has room for, if it is one of ours. */
static size_t capacity(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || (size_t)st.st_size < data_size())
		return 0;
	return ((size_t)st.st_size - data_size()) / sizeof(struct moved);
}

int state_file_grow(struct state_file *s, size_t n)
{
	size_t size = to_pages(n * sizeof(*s->moved)),
	       before = to_pages(s->n_moved * sizeof(*s->moved));
	void *moved = NULL;
	int r;

	if (n <= s->n_moved)
		return 0;
	r = allocate(s->fd, data_size() + size);
	if (r < 0)
		return r;
	if (s->moved) {
		moved = mremap(s->moved, before, size, MREMAP_MAYMOVE);
		r = moved == MAP_FAILED ? -errno : 0;
	} else {
		r = map(s->fd, data_size(), size, &moved);
	}
	if (r < 0)
		return r;
	s->moved = moved;
	s->n_moved = size / sizeof(*s->moved);
	return 0;
}

void state_file_record(struct state_file *s, struct state_router *router, size_t first,
	const struct moved *items, size_t n)
{
	struct state_list list = {(uint32_t)first, (uint32_t)n};

	if (n > 0 && (first != router->list.first || n != router->list.n))
		memcpy(s->moved + first, items, n * sizeof(*items));
	/* One store, after those before it: the kernel sees memory as this process left it. */
	__atomic_store(&router->list, &list, __ATOMIC_RELEASE);
}

/* A file that is too large to be one of ours is none. */
#define MOVED_LIMIT (STATE_ROUTERS_MAX * STATE_MOVED_MAX * 2)

static int map_all(struct state_file *s)
{
	size_t n = capacity(s->fd);
	void *data = NULL;
	int r = allocate(s->fd, data_size());

	if (r >= 0)
		r = map(s->fd, 0, data_size(), &data);
	if (r < 0)
		return r;
	s->data = data;
	s->routers = s->data->routers;
	return state_file_grow(s, n < MOVED_AT_FIRST || n > MOVED_LIMIT ? MOVED_AT_FIRST : n);
}

static void release(struct state_file *s)
{
	/* Neither can fail with what mmap() gave. */
	if (s->moved)
		(void)munmap(s->moved, to_pages(s->n_moved * sizeof(*s->moved)));
	if (s->data)
		(void)munmap(s->data, data_size());
	(void)close(s->fd);
	*s = (struct state_file){.fd = -1};
}

int state_file_open(const char *runtime_dir, bool create, struct state_file *ret)
{
	struct state_file s = {.fd = -1};
	struct state_header header;
	int r = make_header(&header);

	if (r < 0)
		return r;
	s.fd = open_locked(runtime_dir, create);
	if (s.fd < 0)
		return s.fd;
	r = map_all(&s);
	if (r < 0) {
		release(&s);
		return r;
	}
	if (!is_sound(&s, &header)) {
		memset(s.data, 0, sizeof(*s.data));
		s.data->header = header;
	}
	*ret = s;
	return 0;
}

/* A mapping of the file in the place of another one of the same size. */
static int move_mapping(void *from, void *to, size_t size)
{
	return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ? -errno
											 : 0;
}

/* Whoever points into the file goes on doing so: only what is behind the memory changes. */
static int take_place(struct state_file *s, struct state_file *by)
{
	size_t moved_size = to_pages(s->n_moved * sizeof(*s->moved));
	int r;

	memcpy(by->moved, s->moved, moved_size);
	memcpy(by->data, s->data, data_size());
	r = move_mapping(by->moved, s->moved, moved_size);
	if (r < 0)
		return r;
	by->moved = NULL;
	r = move_mapping(by->data, s->data, data_size());
	if (r < 0)
		return r;
	by->data = NULL;
	(void)close(s->fd);
	s->fd = take_fd(&by->fd);
	return 0;
}

int state_file_renew(struct state_file *s, const char *runtime_dir)
{
	struct state_file by = {.fd = open_locked(runtime_dir, true)};
	int r;

	if (by.fd < 0)
		return by.fd;
	r = map_all(&by);
	if (r >= 0)
		r = state_file_grow(&by, s->n_moved);
	if (r >= 0 && by.n_moved != s->n_moved)
		r = -EEXIST;
	if (r >= 0)
		r = take_place(s, &by);
	if (by.data || by.fd >= 0)
		release(&by);
	return r;
}

void state_file_close(struct state_file *s)
{
	if (s->data)
		release(s);
}
