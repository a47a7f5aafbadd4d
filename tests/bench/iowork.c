/* Reads and writes files the way the benchmark asks, and says how long that took.
 *
 *   iowork fill   ...   write the whole of each file, as version V
 *   iowork write  ...   the timed writes, as version V (random ones over version 1)
 *   iowork read   ...   the timed reads of version 1; a page from elsewhere is an error
 *   iowork check  ...   every byte of each file is what fill and write V left there
 *   iowork churn  ...   make, stat, read and remove N small files in each directory
 *
 *   -r            random offsets instead of one after the other
 *   -b BYTES      of one read or write, a multiple of 4096 that divides 1 MiB
 *   -n COUNT      reads or writes of each job
 *   -s BYTES      size of each file
 *   -d            O_DIRECT
 *   -f COUNT      fsync after so many writes, and at the end
 *   -v VERSION    of what is written
 *   -t SECONDS    go on writing the file from its start for so long
 *
 * One job, a process, for each file that is named. They start together, and the time is that from
 * there to the last close. It is the only thing on standard output, in seconds.
 *
 * Content: a page of 4096 bytes is a piece of one fixed megabyte, with a stamp at either end that
 * tells file, page and version. So nothing has to be kept to know what must be there, and making
 * it costs nothing beside reading or writing it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PATTERN (1 << 20)
#define MAX_JOBS 256

static const char *op;
static int at_random, direct, flush_every;
static uint64_t block = PAGE, count, file_bytes, version = 1;
static double lasting;
static unsigned char *pattern, *buffer;

static struct shared {
    atomic_int waiting, go;
    atomic_uint_fast64_t done;
    double end[MAX_JOBS];
} *shared;

static void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

static void fail_errno(const char *what, const char *path) { fail("%s %s: %s", what, path, strerror(errno)); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t x) { /* splitmix64 */
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t stamp(int job, uint64_t page, uint64_t v) { return mix(page ^ ((uint64_t)job << 40) ^ (v << 48)); }

static void *aligned(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail_errno("mmap", "");
    return memory;
}

/* The bytes that belong at an offset; valid until the next call. */
static unsigned char *content(int job, uint64_t offset, uint64_t bytes, uint64_t v) {
    unsigned char *start = pattern + offset % PATTERN;
    for (uint64_t at = 0; at < bytes; at += PAGE) {
        uint64_t mark = stamp(job, (offset + at) / PAGE, v);
        memcpy(start + at, &mark, 8);
        memcpy(start + at + PAGE - 8, &mark, 8);
    }
    return start;
}

static uint64_t offset_of(int job, uint64_t number) {
    uint64_t blocks = file_bytes / block;
    uint64_t at = at_random ? mix(number ^ ((uint64_t)job << 32) ^ block) % blocks : number % blocks;
    return at * block;
}

static int open_file(const char *path, int flags) {
    int fd = open(path, flags | (direct ? O_DIRECT : 0) | O_CLOEXEC, 0600);
    if (fd < 0) fail_errno("open", path);
    return fd;
}

static void close_file(int fd, const char *path) {
    if (close(fd)) fail_errno("close", path);
}

static void put(int fd, const char *path, const unsigned char *from, uint64_t bytes, uint64_t offset) {
    ssize_t done = pwrite(fd, from, bytes, (off_t)offset);
    if (done < 0) fail_errno("write", path);
    if ((uint64_t)done != bytes) fail("write %s: %zd of %" PRIu64 " bytes", path, done, bytes);
}

static void get(int fd, const char *path, uint64_t bytes, uint64_t offset) {
    for (uint64_t have = 0; have < bytes;) {
        ssize_t done = pread(fd, buffer + have, bytes - have, (off_t)(offset + have));
        if (done < 0) fail_errno("read", path);
        if (done == 0) fail("read %s: it ends at %" PRIu64, path, offset + have);
        have += (uint64_t)done;
    }
}

static void fill(int job, const char *path) {
    int fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    for (uint64_t at = 0; at < file_bytes; at += PATTERN) {
        uint64_t bytes = file_bytes - at < PATTERN ? file_bytes - at : PATTERN;
        put(fd, path, content(job, at, bytes, version), bytes, at);
    }
    if (fsync(fd)) fail_errno("fsync", path);
    close_file(fd, path);
}

static void do_writes(int job, const char *path) {
    int fd = open_file(path, O_WRONLY | O_CREAT);
    double end = now() + lasting;
    do {
        for (uint64_t number = 0; number < count; number++) {
            uint64_t at = offset_of(job, number);
            put(fd, path, content(job, at, block, version), block, at);
            atomic_fetch_add(&shared->done, block);
            if (flush_every && (number + 1) % (uint64_t)flush_every == 0 && fsync(fd)) fail_errno("fsync", path);
            if (lasting > 0 && now() >= end) break;
        }
    } while (lasting > 0 && now() < end);
    if (flush_every && count % (uint64_t)flush_every && fsync(fd)) fail_errno("fsync", path);
    close_file(fd, path);
}

static void do_reads(int job, const char *path) {
    int fd = open_file(path, O_RDONLY);
    double end = now() + lasting;
    do {
        for (uint64_t number = 0; number < count; number++) {
            uint64_t at = offset_of(job, number);
            get(fd, path, block, at);
            for (uint64_t page = 0; page < block; page += PAGE) {
                uint64_t mark = stamp(job, (at + page) / PAGE, 1);
                if (memcmp(buffer + page, &mark, 8) || memcmp(buffer + page + PAGE - 8, &mark, 8))
                    fail("read %s: the page at %" PRIu64 " is not what was written", path, at + page);
            }
            atomic_fetch_add(&shared->done, block);
            if (lasting > 0 && now() >= end) break;
        }
    } while (lasting > 0 && now() < end);
    close_file(fd, path);
}

/* Without O_DIRECT and in large reads, however it was written. */
static void check(int job, const char *path) {
    uint64_t blocks = file_bytes / block;
    unsigned char *written = calloc(blocks, 1);
    if (!written) fail("no memory for %" PRIu64 " blocks", blocks);
    for (uint64_t number = 0; number < count; number++) written[offset_of(job, number) / block] = 1;
    direct = 0;
    int fd = open_file(path, O_RDONLY);
    struct stat found;
    if (fstat(fd, &found)) fail_errno("stat", path);
    if ((uint64_t)found.st_size != file_bytes)
        fail("%s has %jd bytes and not %" PRIu64, path, (intmax_t)found.st_size, file_bytes);
    for (uint64_t at = 0; at < file_bytes; at += PATTERN) {
        uint64_t bytes = file_bytes - at < PATTERN ? file_bytes - at : PATTERN;
        get(fd, path, bytes, at);
        for (uint64_t page = 0; page < bytes; page += PAGE) {
            uint64_t v = written[(at + page) / block] ? version : 1;
            if (memcmp(buffer + page, content(job, at + page, PAGE, v), PAGE))
                fail("%s: the page at %" PRIu64 " is not what was written", path, at + page);
        }
    }
    close_file(fd, path);
    free(written);
}

static void churn(int job, const char *folder) {
    char path[4096];
    for (uint64_t number = 0; number < count; number++) {
        struct stat found;
        snprintf(path, sizeof path, "%s/file-%d-%" PRIu64, folder, job, number);
        int fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
        put(fd, path, content(job, 0, PAGE, version), 1024, 0);
        close_file(fd, path);
        if (stat(path, &found)) fail_errno("stat", path);
        if (found.st_size != 1024) fail("%s has %jd bytes and not 1024", path, (intmax_t)found.st_size);
        fd = open_file(path, O_RDONLY);
        get(fd, path, 1024, 0);
        if (memcmp(buffer, pattern, 1024)) fail("%s is not what was written", path);
        close_file(fd, path);
        if (unlink(path)) fail_errno("unlink", path);
        atomic_fetch_add(&shared->done, 1);
    }
}

static void work(int job, const char *path) {
    uint64_t seed = 1;
    pattern = aligned(PATTERN);
    buffer = aligned(PATTERN);
    for (uint64_t at = 0; at < PATTERN; at += 8) {
        seed = mix(seed);
        memcpy(pattern + at, &seed, 8);
    }
    atomic_fetch_add(&shared->waiting, 1);
    while (!atomic_load(&shared->go)) usleep(100);
    if (!strcmp(op, "fill")) fill(job, path);
    else if (!strcmp(op, "write")) do_writes(job, path);
    else if (!strcmp(op, "read")) do_reads(job, path);
    else if (!strcmp(op, "check")) check(job, path);
    else if (!strcmp(op, "churn")) churn(job, path);
    else fail("there is no %s", op);
    shared->end[job] = now();
}

int main(int argc, char **argv) {
    int option, jobs, ok = 1;
    if (argc < 2) fail("usage: iowork fill|write|read|check|churn [options] FILE...");
    op = argv[1];
    argv++;
    argc--;
    while ((option = getopt(argc, argv, "rdb:n:s:f:v:t:")) != -1) switch (option) {
        case 'r': at_random = 1; break;
        case 'd': direct = 1; break;
        case 'b': block = strtoull(optarg, NULL, 10); break;
        case 'n': count = strtoull(optarg, NULL, 10); break;
        case 's': file_bytes = strtoull(optarg, NULL, 10); break;
        case 'f': flush_every = atoi(optarg); break;
        case 'v': version = strtoull(optarg, NULL, 10); break;
        case 't': lasting = atof(optarg); break;
        default: return 2;
        }
    jobs = argc - optind;
    if (jobs < 1 || jobs > MAX_JOBS || block % PAGE || !block || PATTERN % block) fail("iowork: that makes no sense");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail_errno("mmap", "");
    for (int job = 0; job < jobs; job++) {
        pid_t child = fork();
        if (child < 0) fail_errno("fork", "");
        if (child == 0) {
            work(job, argv[optind + job]);
            exit(0);
        }
    }
    while (atomic_load(&shared->waiting) < jobs) usleep(100);
    double begin = now(), end = begin;
    atomic_store(&shared->go, 1);
    for (int status; wait(&status) > 0;) ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok) return 1;
    for (int job = 0; job < jobs; job++) end = shared->end[job] > end ? shared->end[job] : end;
    printf("%.6f %" PRIuFAST64 "\n", end - begin, atomic_load(&shared->done));
    return 0;
}
