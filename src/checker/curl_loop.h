/* libcurl's transfers on the loop of the process. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct curl_loop;

/* One transfer, embedded in what the caller keeps of it. */
struct curl_transfer {
	CURL *easy; /* the caller's, prepared */
	/* private to curl_loop.c */
	int fd; /* -1: none now */
	uint32_t events;
	unsigned reads;
	bool greedy;
};

/* The transfer is over and no longer the loop's. Not called from within any function here. */
typedef void (*curl_loop_ended)(struct curl_transfer *transfer, CURLcode code);

/* libcurl must be initialised. 0 or -errno. */
int curl_loop_new(sd_event *loop, curl_loop_ended ended, struct curl_loop **ret);
void curl_loop_free(struct curl_loop *loop); /* NULL is fine; without transfers */

/* Begin: 0 or -ENOMEM. */
int curl_loop_add(struct curl_loop *loop, struct curl_transfer *transfer);
/* End it without a word. */
void curl_loop_remove(struct curl_loop *loop, struct curl_transfer *transfer);
