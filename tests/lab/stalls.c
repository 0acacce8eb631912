/* stalls [STEP_MS]: when the processors of this machine stood still. On a virtual machine that
 * others share, one may not run for a tenth of a second, and no program on it can tell that from
 * its own being slow.
 *
 * A thread for each processor sleeps in short steps at a real-time priority above all that is
 * tested here. Each time one wakes late a line says when it should have and when it did, in seconds
 * since the epoch: "stall CPU FROM TO". Ten times a second "seen CPU TO" says that there was no
 * more until then. Until it is killed. */
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000
#define SAY_NS 100000000
#define PRIORITY 90
#define NS_PER_S 1000000000

/* Two of them late is scheduling, what is more is a stall. */
static int64_t step_ns = NS_PER_MS;

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void *watch(void *userdata)
{
	unsigned cpu = (unsigned)(uintptr_t)userdata;
	int64_t due = now_ns(CLOCK_MONOTONIC), to_say = due;

	for (;;) {
		struct timespec at;
		int64_t late;
		double now;

		due += step_ns;
		at = (struct timespec){.tv_sec = due / NS_PER_S, .tv_nsec = due % NS_PER_S};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
			;
		late = now_ns(CLOCK_MONOTONIC) - due;
		now = (double)now_ns(CLOCK_REALTIME) / NS_PER_S;
		if (late > 2 * step_ns) {
			(void)printf(
				"stall %u %.6f %.6f\n", cpu, now - (double)late / NS_PER_S, now);
			due += late;
		}
		if (due < to_say)
			continue;
		(void)printf("seen %u %.6f\n", cpu, now);
		to_say = due + SAY_NS;
	}
	return NULL;
}

static int start(unsigned cpu)
{
	const struct sched_param priority = {.sched_priority = PRIORITY};
	pthread_attr_t attributes;
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	(void)pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	(void)pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	(void)pthread_attr_setschedparam(&attributes, &priority);
	return pthread_create(&thread, &attributes, watch, (void *)(uintptr_t)cpu);
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc > 1)
		step_ns = strtol(argv[1], NULL, 10) * NS_PER_MS;
	if (step_ns <= 0)
		errx(EXIT_FAILURE, "steps of no time");

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		err(EXIT_FAILURE, "processors");
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int r = CPU_ISSET(cpu, &set) ? start(cpu) : 0;

		if (r)
			errx(EXIT_FAILURE, "a real-time thread: error %d", r);
	}
	for (;;)
		(void)pause();
}
