/* tandem-elector: owns the virtual addresses of this director while it is Active. */
#include "elector/daemon.h"
#include "io/helper.h"

int main(int argc, char **argv)
{
	return helper_main(argc, argv, "tandem-elector", daemon_run);
}
