/* Any bytes as the reply of a gRPC health server; and any service as a request, which must be a
 * frame of the length that it says. */
#include "core/grpc_health.h"

#include "base/byteorder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t request[GRPC_REQUEST_MAX];
	char service[GRPC_SERVICE_MAX + 1];
	size_t service_len = len < GRPC_SERVICE_MAX ? len : GRPC_SERVICE_MAX, n;

	if (strlen(grpc_health_name(grpc_health_parse(bytes, len))) == 0)
		abort();
	if (len > 0)
		memcpy(service, bytes, service_len);
	service[service_len] = '\0';
	n = grpc_health_build(service, request);
	if (n > sizeof(request) || be32_get(request + 1) != n - GRPC_FRAME_LEN)
		abort();
	/* A request is a message too: its only field is passed over. */
	if (grpc_health_parse(request, n) != GRPC_HEALTH_UNKNOWN)
		abort();
	return 0;
}
