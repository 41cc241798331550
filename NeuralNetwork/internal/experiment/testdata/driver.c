// A driver for OpenCL with two devices, which cannot be opened. It tests what the programs do if
// a driver crashes, ends its process or hangs: the environment variable DRIVER_FAULT says when (it
// is loaded, its devices are listed, one is opened, the first one is opened), and which.
// The codes are those of cl.h, the places in the table those of cl_icd.h.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fault(const char *when) {
	const char *chosen = getenv("DRIVER_FAULT");
	if (!chosen || strncmp(chosen, when, strlen(when)))
		return;
	const char *which = chosen + strlen(when) + 1;
	if (!strcmp(which, "crash"))
		*(volatile int *)0 = 1;
	if (!strcmp(which, "abort"))
		abort();
	if (!strcmp(which, "no memory")) {
		fputs("fatal error: runtime: out of memory\n", stderr);
		exit(2);
	}
	if (!strncmp(which, "exit", 4))
		exit(atoi(which + 4));
	if (getenv("DRIVER_PIPE"))
		write(3, "", 1); // the test waits for this
	for (;;)
		pause();
}

__attribute__((constructor)) static void load(void) { fault("load"); }

static void *table[200];
static struct { void **table; } platform = {table}, devices[2] = {{table}, {table}};

static int get(const void *value, size_t size, size_t room, void *to, size_t *needed) {
	if (to && room < size)
		return -30; // CL_INVALID_VALUE
	if (to)
		memcpy(to, value, size);
	if (needed)
		*needed = size;
	return 0;
}

static int platforms(unsigned room, void **to, unsigned *n) {
	fault("list");
	if (to)
		*to = &platform;
	if (n)
		*n = 1;
	return 0;
}

static int platform_info(void *of, unsigned what, size_t room, void *to, size_t *needed) {
	const char *text = what == 0x0902 ? "Faults" : "cl_khr_icd"; // CL_PLATFORM_NAME
	return get(text, strlen(text) + 1, room, to, needed);
}

static int device_ids(void *of, unsigned long kind, unsigned room, void **to, unsigned *n) {
	for (unsigned i = 0; i < room && i < 2; i++)
		to[i] = &devices[i];
	if (n)
		*n = 2;
	return 0;
}

static int device_info(void *of, unsigned what, size_t room, void *to, size_t *needed) {
	const char *name = of == &devices[0] ? "First" : "Second";
	unsigned long value = 1 << 20;
	if (what == 0x102B) // CL_DEVICE_NAME
		return get(name, strlen(name) + 1, room, to, needed);
	if (what == 0x1000) // CL_DEVICE_TYPE
		value = 1 << 2; // CL_DEVICE_TYPE_GPU
	return get(&value, sizeof value, room, to, needed);
}

static void *create_context(void *p, unsigned n, void *d, void *f, void *data, int *code) {
	fault("open");
	if (*(void **)d == &devices[0])
		fault("first");
	*code = -2; // CL_DEVICE_NOT_AVAILABLE
	return 0;
}

void *clGetExtensionFunctionAddress(const char *name) {
	table[0] = platforms;
	table[1] = platform_info;
	table[2] = device_ids;
	table[3] = device_info;
	table[4] = create_context;
	if (!strcmp(name, "clIcdGetPlatformIDsKHR"))
		return platforms;
	return strcmp(name, "clGetPlatformInfo") ? 0 : platform_info;
}
