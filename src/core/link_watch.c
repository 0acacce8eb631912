/* Following an interface by name through what the kernel says about all of them, in its order. */
#include "core/link_watch.h"

#include <string.h>

bool link_watch_gone(struct link_watch *w, int ifindex)
{
	if (!ifindex || w->ifindex != ifindex)
		return false;
	w->ifindex = 0;
	w->up = false;
	return true;
}

bool link_watch_seen(struct link_watch *w, int ifindex, const char *name, bool up)
{
	bool changed;

	if (strcmp(name, w->name) != 0)
		return link_watch_gone(w, ifindex);
	w->seen = true;
	changed = w->ifindex != ifindex || w->up != up;
	w->ifindex = ifindex;
	w->up = up;
	return changed;
}

void link_watch_dump_begins(struct link_watch *w)
{
	w->seen = false;
}

bool link_watch_dump_ends(struct link_watch *w)
{
	return !w->seen && link_watch_gone(w, w->ifindex);
}
