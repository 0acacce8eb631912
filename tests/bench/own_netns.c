#include "own_netns.h"

#include "base/cleanup.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int bring_up(const char *interface)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_flags = IFF_UP};

	strcpy(request.ifr_name, interface);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int told(int r)
{
	if (r < 0)
		(void)fprintf(stderr, "no network namespace of our own: %s\n", strerror(-r));
	return r;
}

int own_netns_enter_down(void)
{
	return told(unshare(CLONE_NEWNET) < 0 ? -errno : 0);
}

int own_netns_up(void)
{
	return told(bring_up("lo"));
}

int own_netns_enter(void)
{
	int r = own_netns_enter_down();

	return r < 0 ? r : own_netns_up();
}
