/* A queue and chains by hash of the id: what is done to one target takes as long among fifty
 * thousand. */
#include "checker/target_list.h"

#include "base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 16384 /* a power of two */

int target_list_init(struct target_list *list)
{
	*list = (struct target_list){.chains = calloc(CHAINS, sizeof(struct target *))};
	TAILQ_INIT(&list->all);
	return list->chains ? 0 : -ENOMEM;
}

void target_list_done(struct target_list *list)
{
	free(list->chains);
	*list = (struct target_list){0};
}

static uint64_t hash_of(const char *id)
{
	return index_hash(INDEX_HASH, id, strlen(id));
}

static struct target **chain_of(const struct target_list *list, uint64_t hash)
{
	return &list->chains[hash & (CHAINS - 1)];
}

static struct target *find(const struct target_list *list, const char *id, uint64_t hash)
{
	struct target *t = *chain_of(list, hash);

	while (t && (t->hash != hash || strcmp(t->id, id) != 0))
		t = t->next_in_chain;
	return t;
}

bool target_list_add(struct target_list *list, struct target *t)
{
	struct target **chain;

	t->hash = hash_of(t->id);
	if (find(list, t->id, t->hash))
		return false;
	chain = chain_of(list, t->hash);
	t->next_in_chain = *chain;
	*chain = t;
	TAILQ_INSERT_TAIL(&list->all, t, link);
	list->n++;
	return true;
}

struct target *target_list_find(const struct target_list *list, const char *id)
{
	return find(list, id, hash_of(id));
}

void target_list_remove(struct target_list *list, struct target *t)
{
	struct target **link = chain_of(list, t->hash);

	while (*link != t)
		link = &(*link)->next_in_chain;
	*link = t->next_in_chain;
	TAILQ_REMOVE(&list->all, t, link);
	list->n--;
}

void target_list_move_to_end(struct target_list *list, struct target *t)
{
	TAILQ_REMOVE(&list->all, t, link);
	TAILQ_INSERT_TAIL(&list->all, t, link);
}
