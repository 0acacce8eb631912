# What tools/demo and tools/test share: packages, a copy of the source to build in, an installation.
# Sourced, with the tree's top directory in $top.

# For a shell that became root without root's environment.
export PATH=$PATH:/usr/sbin:/sbin

# Debian packages. Nobody needs ipvsadm, tcpdump or a virtual machine to run tandem: the tests do.
build_packages=(build-essential autoconf automake pkg-config libnl-3-dev libnl-genl-3-dev
	libnl-route-3-dev libnftables-dev libssl-dev libsystemd-dev libjansson-dev libcap-ng-dev
	libcurl4-openssl-dev libpcre2-dev libseccomp-dev libmicrohttpd-dev check)
lab_packages=(python3 python3-pytest iproute2 tcpdump ipvsadm nftables kmod curl busybox-static)
guest_packages=(qemu-system-x86 cpio linux-image-amd64)

# Where copies of the source are built and installed. Not below /tmp, which a lab guest has for itself.
work=${TANDEM_WORK:-/var/tmp/tandem-$(printf %s "$top" | cksum | cut -d ' ' -f 1)}
source=$work/source

become_root() {
	[[ $(id -u) == 0 ]] || exec sudo --preserve-env=CI,TANDEM_WORK "$0" "$@"
}

has_ipvs() {
	modprobe -q ip_vs 2>/dev/null || true
	[[ -e /proc/net/ip_vs ]]
}

# While packages are installed: no service that comes with them is started on this host.
no_services() { # on or off
	local policy=/usr/sbin/policy-rc.d
	if [[ $1 == off ]]; then
		[[ ! -e $work/made-policy ]] || rm -f "$policy" "$work/made-policy"
	elif [[ ! -e $policy ]]; then
		touch "$work/made-policy"
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
	fi
}

# Install those of the packages that are missing.
need_packages() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	# Headers are of use with their own kernel, and Debian has those of its newest.
	[[ " ${missing[*]} " != *" linux-headers-amd64 "* ]] || missing+=(linux-image-amd64)
	echo "installing ${missing[*]}"
	mkdir -p "$work"
	no_services on
	{
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends "${missing[@]}"
	} </dev/null >"$work/apt.log" 2>&1 || {
		tail -n 20 "$work/apt.log" >&2
		echo "cannot install ${missing[*]}" >&2
		no_services off
		return 1
	}
	no_services off
}

# A copy of the tree as it is now, without what was built or generated in it: the tree itself stays as
# it is, and what is gone from it goes from the copy.
copy_source() {
	mkdir -p "$source"
	(cd "$top" && find . -type d \( -name .git -o -name 'build*' -o -name autom4te.cache -o -name __pycache__ \
		-o -name .deps \) -prune -o -type f ! -name Makefile.in ! -name aclocal.m4 \
		! -name 'configure' ! -name 'configure~' ! -name 'config.h.in*' -print) |
		sort >"$work/files.new"
	if [[ -e $work/files ]]; then
		comm -23 "$work/files" "$work/files.new" | (cd "$source" && xargs -r -d '\n' rm -f)
	fi
	tar -C "$top" -c --verbatim-files-from -T "$work/files.new" | tar -C "$source" -x
	mv "$work/files.new" "$work/files"
	[[ -x $source/configure && $source/configure -nt $source/configure.ac ]] ||
		(cd "$source" && autoreconf -fi >"$work/autoreconf.log" 2>&1) || {
		cat "$work/autoreconf.log" >&2
		return 1
	}
}

# configure_build NAME [ARGUMENT...]: a build directory of that name, to be installed beside it.
configure_build() {
	local name=$1
	shift
	mkdir -p "$work/$name" && cd "$work/$name" || return 1
	# The same arguments again need no configure: make sees to what changed.
	[[ -e Makefile && "$(cat arguments 2>/dev/null)" == "$*" ]] && return 0
	"$source/configure" --prefix="$work/$name-installed" "$@" && printf '%s' "$*" >arguments
}

jobs() {
	nproc
}

# run_lab NAME COMMAND...: with the lab pointed at what configure_build NAME built.
run_lab() {
	local name=$1
	shift
	(cd "$source/tests/lab" && TANDEM_PREFIX="$work/$name-installed" TANDEM_BUILDDIR="$work/$name" \
		TANDEM_SRCDIR="$source" PYTHONDONTWRITEBYTECODE=1 "$@")
}
