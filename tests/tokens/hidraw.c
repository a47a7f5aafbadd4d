/*
 * Preloaded into a program, makes the sockets of a directory look like hidraw devices.
 *
 * HIDRAW_SOCKETS names the directory. Opening /dev/hidrawN there connects to the socket hidrawN
 * of it, a report is a packet, and listing /dev lists the directory. What a program asks of
 * such a device, is it a character device and one of FIDO, is answered as Linux does it.
 * The programs see a token then without a kernel that has /dev/uhid.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hidraw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DEVICES "/dev/hidraw"
#define MAX_FD 1024

/* CTAP 2.1, section 11.2.8.1: usage page FIDO alliance, reports of 64 bytes each way. */
static const unsigned char descriptor[] = {
	0x06, 0xd0, 0xf1, 0x09, 0x01, 0xa1, 0x01,
	0x09, 0x20, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02,
	0x09, 0x21, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02,
	0xc0,
};

static char is_device[MAX_FD];

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int
connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
	    getenv("HIDRAW_SOCKETS"), name);
	if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	if (fd >= MAX_FD || connect(fd, (void *)&address, sizeof(address)) < 0) {
		int reason = errno == ECONNREFUSED ? ENODEV : errno;

		close(fd);
		errno = reason;
		return -1;
	}
	is_device[fd] = 1;
	return fd;
}

static int
is_ours(const char *path)
{
	return getenv("HIDRAW_SOCKETS") && strncmp(path, DEVICES, strlen(DEVICES)) == 0;
}

#define OPEN(name)                                                        \
	int name(const char *path, int flags, ...)                        \
	{                                                                 \
		va_list rest;                                             \
		mode_t mode = 0;                                          \
                                                                          \
		if (is_ours(path))                                        \
			return connect_to(path + strlen("/dev/"));        \
		if (flags & (O_CREAT | O_TMPFILE)) {                      \
			va_start(rest, flags);                            \
			mode = va_arg(rest, mode_t);                      \
			va_end(rest);                                     \
		}                                                         \
		return NEXT(name)(path, flags, mode);                     \
	}

OPEN(open)
OPEN(open64)

int
close(int fd)
{
	if (fd >= 0 && fd < MAX_FD)
		is_device[fd] = 0;
	return NEXT(close)(fd);
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	void *argument;

	va_start(rest, request);
	argument = va_arg(rest, void *);
	va_end(rest);
	if (fd < 0 || fd >= MAX_FD || !is_device[fd])
		return NEXT(ioctl)(fd, request, argument);
	switch (_IOC_NR(request)) {
	case _IOC_NR(HIDIOCGRDESCSIZE):
		*(int *)argument = sizeof(descriptor);
		return 0;
	case _IOC_NR(HIDIOCGRDESC):
		((struct hidraw_report_descriptor *)argument)->size = sizeof(descriptor);
		memcpy(((struct hidraw_report_descriptor *)argument)->value, descriptor,
		    sizeof(descriptor));
		return 0;
	case _IOC_NR(HIDIOCGRAWINFO):
		memset(argument, 0, sizeof(struct hidraw_devinfo));
		return 0;
	case _IOC_NR(HIDIOCGRAWNAME(0)):
		return snprintf(argument, _IOC_SIZE(request), "token of a test") + 1;
	}
	errno = EINVAL;
	return -1;
}

#define FSTAT(name, type)                                                 \
	int name(int fd, struct type *status)                             \
	{                                                                 \
		int result = NEXT(name)(fd, status);                      \
                                                                          \
		if (result == 0 && fd < MAX_FD && is_device[fd])          \
			status->st_mode = S_IFCHR | 0600;                 \
		return result;                                            \
	}

FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

DIR *
opendir(const char *path)
{
	const char *sockets = getenv("HIDRAW_SOCKETS");

	return NEXT(opendir)(sockets && strcmp(path, "/dev") == 0 ? sockets : path);
}
