/* Every node and every text of jansson is freed here, those with a key in them, too; which these
 * are nobody needs to know. */
#include "io/json_memory.h"

#include <jansson.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT ((size_t)16)
#define CHUNK_MIN ((size_t)64 << 10)
#define CHUNK_MAX ((size_t)32 << 20)

/* A piece of a region: mapped, so that the kernel clears it before anybody else sees it. */
struct chunk {
	struct chunk *next;
	size_t size, used; /* of which this header is a part */
};

static bool is_ours; /* jansson asks here */
/* One region for each thread that has begun one. */
static _Thread_local bool has_begun;
static _Thread_local struct chunk *chunks; /* the one in use first */
static _Thread_local size_t next_size;

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static struct chunk *add_chunk(size_t at_least)
{
	size_t size = next_size;
	struct chunk *c;

	while (size < at_least)
		size *= 2;
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	*c = (struct chunk){.next = chunks, .size = size, .used = aligned(sizeof(*c))};
	chunks = c;
	if (next_size < CHUNK_MAX)
		next_size *= 2;
	return c;
}

static void *take_from_region(size_t size)
{
	struct chunk *c = chunks;
	void *memory;

	if (size > SIZE_MAX / 4)
		return NULL;
	size = aligned(size);
	if (!c || c->size - c->used < size)
		c = add_chunk(aligned(sizeof(*c)) + size);
	if (!c)
		return NULL;
	memory = (char *)c + c->used;
	c->used += size;
	return memory;
}

static bool is_in_region(const void *memory)
{
	for (const struct chunk *c = chunks; c; c = c->next)
		if ((uintptr_t)memory - (uintptr_t)c < c->size)
			return true;
	return false;
}

static void *allocate(size_t size)
{
	return has_begun ? take_from_region(size) : malloc(size);
}

static void cleanse_and_free(void *memory)
{
	if (!memory || is_in_region(memory))
		return;
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void json_memory_init(void)
{
	is_ours = true;
	json_set_alloc_funcs(allocate, cleanse_and_free);
}

bool json_region_begin(void)
{
	if (!is_ours || has_begun)
		return false;
	next_size = CHUNK_MIN;
	has_begun = true;
	return true;
}

void json_region_end(void)
{
	while (chunks) {
		struct chunk *c = chunks;

		chunks = c->next;
		(void)munmap(c, c->size);
	}
	has_begun = false;
}
