/* What the link's own work costs beside the kernel's: sealing, opening, looking at forged
 * datagrams, and reading and writing of sync messages. In processor time; needs no privilege. */
#include "core/sync_message.h"
#include "core/sync_window.h"
#include "link/seal.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 200000
#define DATAGRAM_MAX 1472

static double spent_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void print_seal(const char *what, double s, size_t len)
{
	printf("%-40s %8.2f us each %9.0f MB/s\n", what, s * 1e6 / ROUNDS,
		(double)len * ROUNDS / s / 1e6);
}

static struct seal *keys_of(enum seal_cipher cipher)
{
	static const uint8_t key[SEAL_KEY_LEN] = {1}, a[SEAL_NONCE_LEN] = {2},
			     b[SEAL_NONCE_LEN] = {3};
	struct seal *s;

	if (seal_new(key, a, b, "lb1", cipher, &s) < 0)
		abort();
	return s;
}

static void seal_all(struct seal *s, const char *name, size_t len)
{
	static uint8_t text[DATAGRAM_MAX], datagram[DATAGRAM_MAX + SEAL_OVERHEAD];
	char what[64];
	double begun = spent_s();
	size_t n;

	for (uint64_t i = 1; i <= ROUNDS; i++)
		if (seal_datagram(s, i + (len << 32), text, len, datagram) < 0)
			abort();
	(void)snprintf(what, sizeof(what), "%s, %zu bytes, seal", name, len);
	print_seal(what, spent_s() - begun, len);
	begun = spent_s();
	for (unsigned i = 0; i < ROUNDS; i++)
		if (seal_open(s, datagram, len + SEAL_OVERHEAD, text, &n) != SEAL_OK)
			abort();
	(void)snprintf(what, sizeof(what), "%s, %zu bytes, open", name, len);
	print_seal(what, spent_s() - begun, len);
	datagram[SEAL_HEADER_LEN] ^= 1;
	begun = spent_s();
	for (unsigned i = 0; i < ROUNDS; i++)
		if (seal_open(s, datagram, len + SEAL_OVERHEAD, text, &n) != SEAL_FORGED)
			abort();
	(void)snprintf(what, sizeof(what), "%s, %zu bytes, forged", name, len);
	print_seal(what, spent_s() - begun, len);
}

static void bench_seal(void)
{
	static const enum seal_cipher ciphers[] = {SEAL_AES_256_GCM, SEAL_CHACHA20_POLY1305};

	for (size_t i = 0; i < 2; i++) {
		struct seal *s = keys_of(ciphers[i]);
		seal_all(s, seal_cipher_name(ciphers[i]), 47); /* a connection, as it comes */
		seal_all(s, seal_cipher_name(ciphers[i]), 1432);
		seal_free(s);
	}
	printf("preferred here: %s\n", seal_cipher_name(seal_preferred()));
}

static size_t write_message(const struct sync_record *record, uint8_t *message)
{
	struct sync_writer w;

	sync_writer_begin(&w, message, DATAGRAM_MAX, 1);
	while (sync_writer_add(&w, record))
		;
	return sync_writer_end(&w);
}

static unsigned read_message(const uint8_t *message, size_t len)
{
	struct sync_record record;
	struct sync_reader r;
	bool more = true;
	unsigned n = 0;

	if (sync_reader_open(&r, message, len) != SYNC_OK)
		abort();
	while (sync_reader_next(&r, &record, &more) == SYNC_OK && more)
		n++;
	return n;
}

static void print_rate(const char *what, double n, double s)
{
	printf("%-40s %8.1f ns each %9.1f million/s\n", what, s * 1e9 / n, n / s / 1e6);
}

static void bench_messages(void)
{
	struct sync_record record = {
		.protocol = IPPROTO_TCP, .state = 1, .flags = 0x83, .timeout_s = 900};
	uint8_t message[DATAGRAM_MAX];
	double begun = spent_s(), n = 0;
	size_t len = 0;

	(void)addr_parse("198.51.100.7", &record.client);
	(void)addr_parse("192.0.2.100", &record.service);
	(void)addr_parse("192.0.2.11", &record.server);
	for (unsigned i = 0; i < ROUNDS / 4; i++)
		len = write_message(&record, message);
	print_rate("records written, 40 a message", ROUNDS / 4 * 40.0, spent_s() - begun);
	begun = spent_s();
	for (unsigned i = 0; i < ROUNDS / 4; i++)
		n += read_message(message, len);
	print_rate("records read", n, spent_s() - begun);
}

static void bench_window(void)
{
	struct sync_window w = {0};
	struct instant now = {1};
	double begun = spent_s();

	for (uint64_t s = 1; s <= 10 * ROUNDS; s++)
		(void)sync_window_take(&w, s, now);
	print_rate("sequence numbers in order", 10.0 * ROUNDS, spent_s() - begun);
	memset(&w, 0, sizeof(w));
	begun = spent_s();
	for (uint64_t s = 1; s <= 10 * ROUNDS; s += 20) { /* 5 % are late by 20 */
		for (uint64_t i = s + 1; i < s + 20; i++)
			(void)sync_window_take(&w, i, now);
		(void)sync_window_take(&w, s, now);
	}
	print_rate("sequence numbers, 5 % late", 10.0 * ROUNDS, spent_s() - begun);
}

int main(void)
{
	bench_seal();
	bench_messages();
	bench_window();
	return EXIT_SUCCESS;
}
