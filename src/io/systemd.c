/* Which job is under way for our unit, by the manager's bus interface
 * (org.freedesktop.systemd1(5)). Its own socket is there without a message bus, which a director
 * may not have. */
#include "io/systemd.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define MANAGER "org.freedesktop.systemd1"
#define PRIVATE_SOCKET "unix:path=/run/systemd/private"
#define TIMEOUT_US UINT64_C(250000)

/* Not from the message bus: the manager is the only one on its own socket, and has no name there.
 */
static int connect_to_manager(sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, PRIVATE_SOCKET);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, TIMEOUT_US);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* *ret is the type of the job under way, to be freed; NULL: there is none. */
static int job_type(sd_bus *bus, char **ret)
{
	sd_bus_message *unit = NULL, *job = NULL;
	const char *unit_path, *job_path;
	uint32_t id;
	int r;

	*ret = NULL;
	r = sd_bus_call_method(bus, NULL, "/org/freedesktop/systemd1", MANAGER ".Manager",
		"GetUnitByPID", NULL, &unit, "u", (uint32_t)getpid());
	if (r >= 0)
		r = sd_bus_message_read(unit, "o", &unit_path);
	if (r >= 0)
		r = sd_bus_get_property(
			bus, NULL, unit_path, MANAGER ".Unit", "Job", NULL, &job, "(uo)");
	if (r >= 0)
		r = sd_bus_message_read(job, "(uo)", &id, &job_path);
	if (r >= 0 && id != 0)
		r = sd_bus_get_property_string(
			bus, NULL, job_path, MANAGER ".Job", "JobType", NULL, ret);
	(void)sd_bus_message_unref(job);
	(void)sd_bus_message_unref(unit);
	return r;
}

bool systemd_is_restarting(void)
{
	sd_bus *bus;
	char *type = NULL;
	bool restarting;

	if (!getenv("NOTIFY_SOCKET") || connect_to_manager(&bus) < 0)
		return false;
	restarting = job_type(bus, &type) >= 0 && type &&
		     (strcmp(type, "restart") == 0 || strcmp(type, "try-restart") == 0);
	free(type);
	sd_bus_flush_close_unref(bus);
	return restarting;
}
