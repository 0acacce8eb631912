/* One step at a time, each with a record of its own: a host that goes down between two of them has
 * nothing on it that is not recorded. */
#include "realserver/deeds.h"

#include "io/fou.h"
#include "io/netdev.h"
#include "io/sysctl.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

void deeds_look(struct realserver_step *step)
{
	struct realserver_item *item = &step->item;

	if (item->what == REALSERVER_SETTING && !step->undo &&
		sysctl_read(item->name, item->old, sizeof(item->old)) < 0)
		item->old[0] = '\0';
}

/* The kernel loads what a link needs when it is asked for one, but not what listens for gue. */
static void load_module(const char *name)
{
	char program[256];
	char quiet[] = "-q", copy[32];
	char *argv[] = {program, quiet, copy, NULL};
	pid_t child;

	(void)snprintf(copy, sizeof(copy), "%s", name);
	if (sysctl_read("kernel/modprobe", program, sizeof(program)) == 0 && program[0] &&
		posix_spawn(&child, program, NULL, NULL, argv, environ) == 0)
		(void)waitpid(child, NULL, 0);
}

static int listen_for_gue(const struct realserver_item *item)
{
	int r = fou_add(item->family, item->port);

	if (r == -ENOENT) {
		load_module("fou");
		r = fou_add(item->family, item->port);
	}
	return r;
}

static int set(const struct realserver_item *item, struct netdev *n)
{
	switch (item->what) {
	case REALSERVER_SETTING:
		return sysctl_write(item->name, item->value);
	case REALSERVER_DEVICE:
		return netdev_add_tunnel(n, item->link, item->kind, &item->local, item->checksum);
	case REALSERVER_LISTENER:
		return listen_for_gue(item);
	case REALSERVER_UP:
		return netdev_set_up(n, item->link, true);
	case REALSERVER_ADDRESS:
		return netdev_add_address(n, item->link, &item->addr);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return -EINVAL;
}

static int take_back(const struct realserver_item *item, struct netdev *n)
{
	switch (item->what) {
	case REALSERVER_SETTING:
		return sysctl_write(item->name, item->old);
	case REALSERVER_DEVICE:
		(void)netdev_set_up(n, item->link, false); /* a module's own device stays */
		return netdev_remove(n, item->link);
	case REALSERVER_LISTENER:
		return fou_remove(item->family, item->port);
	case REALSERVER_UP:
		return netdev_set_up(n, item->link, false);
	case REALSERVER_ADDRESS:
		return netdev_remove_address(n, item->link, &item->addr);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return -EINVAL;
}

static bool is_gone_already(int error)
{
	return error == -ENOENT || error == -ENODEV || error == -EADDRNOTAVAIL;
}

static const char *hint(const struct realserver_item *item, int error)
{
	if (error == -EPERM || error == -EACCES)
		return "it takes root (CAP_NET_ADMIN)";
	if (item->what == REALSERVER_DEVICE && error == -EOPNOTSUPP)
		return "this kernel has no such tunnel";
	if (item->what == REALSERVER_LISTENER && error == -ENOENT)
		return "the kernel's module fou is not loaded: modprobe fou";
	if (item->what == REALSERVER_LISTENER && error == -EADDRINUSE)
		return "something else has that port";
	return NULL;
}

static int do_step(struct record *record, const struct realserver_step *step, struct netdev *n)
{
	struct realserver_step now = *step;
	size_t recorded = record->n;
	int r;

	if (step->undo) {
		r = take_back(&step->item, n);
		return r == 0 || is_gone_already(r) ? record_remove(record, &step->item) : r;
	}
	/* The device may have come since, by an earlier step, and its settings with it. */
	deeds_look(&now);
	r = record_add(record, &now.item);
	if (r < 0)
		return r;
	r = set(&step->item, n);
	/* What was not done must not be undone: the port may be somebody else's listener's. */
	if (r < 0 && record->n > recorded)
		(void)record_remove(record, &step->item);
	return r;
}

int deeds_do(struct record *record, const struct realserver_step *step, const char **ret_hint)
{
	struct netdev *n;
	int r = netdev_open(&n);

	if (r == 0) {
		r = do_step(record, step, n);
		netdev_close(n);
	}
	if (r < 0)
		*ret_hint = hint(&step->item, r);
	return r;
}
