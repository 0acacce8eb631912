/* What is wanted goes to the end of the list, one after the other. When all of it is there, those
 * that are still at its beginning are wanted no more. */
#include "checker/change.h"

struct change change_begin(struct target_list *list, struct target_list *wanted,
	const struct change_handler *handler, void *userdata)
{
	return (struct change){.list = list,
		.wanted = wanted,
		.n_before = list->n,
		.handler = handler,
		.userdata = userdata};
}

static void drop(struct change *c, struct target *t)
{
	target_list_remove(c->list, t);
	c->n_before--;
	c->handler->drop(t, c->userdata);
}

static void take(struct change *c, struct target *wanted)
{
	struct target *old = target_list_find(c->list, wanted->id);

	target_list_remove(c->wanted, wanted);
	if (old && target_same(old, wanted)) {
		target_list_move_to_end(c->list, old);
		c->n_before--;
		c->handler->keep(old, wanted, c->userdata);
		return;
	}
	if (old)
		drop(c, old);
	(void)target_list_add(c->list, wanted); /* none has its id any more */
	c->handler->add(wanted, c->userdata);
}

bool change_step(struct change *c, size_t max)
{
	for (; max > 0 && c->wanted->n > 0; max--)
		take(c, TAILQ_FIRST(&c->wanted->all));
	for (; max > 0 && c->wanted->n == 0 && c->n_before > 0; max--)
		drop(c, TAILQ_FIRST(&c->list->all));
	return c->wanted->n == 0 && c->n_before == 0;
}
