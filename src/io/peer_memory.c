/* A sealed memfd: the elector, which must not die of what tandem-link does, reads memory that
 * cannot shrink. */
#include "io/peer_memory.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* NULL: see errno. */
static struct peer_page *map(int fd, int protection)
{
	void *p = mmap(NULL, sizeof(struct peer_page), protection, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int peer_memory_new(void)
{
	auto_close int fd = memfd_create("tandem-peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct peer_page *p;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct peer_page)) < 0 ||
		fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
		return -errno;
	p = map(fd, PROT_READ | PROT_WRITE);
	if (!p)
		return -errno;
	peer_page_init(p);
	peer_memory_unmap(p);
	return take_fd(&fd);
}

static int check(int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_size == sizeof(struct peer_page) ? 0 : -EINVAL;
}

static int map_checked(int fd, int protection, struct peer_page **ret)
{
	int r = check(fd);
	struct peer_page *p;

	if (r < 0)
		return r;
	p = map(fd, protection);
	if (!p)
		return -errno;
	if (p->version != PEER_PAGE_VERSION) {
		peer_memory_unmap(p);
		return -EPROTO;
	}
	*ret = p;
	return 0;
}

int peer_memory_map_reader(int fd, const struct peer_page **ret)
{
	struct peer_page *p = NULL;
	int r = map_checked(fd, PROT_READ, &p);

	if (r == 0)
		*ret = p;
	return r;
}

int peer_memory_map_writer(int fd, struct peer_page **ret)
{
	return map_checked(fd, PROT_READ | PROT_WRITE, ret);
}

void peer_memory_unmap(const struct peer_page *p)
{
	if (p)
		(void)munmap((void *)(uintptr_t)p, sizeof(*p));
}
