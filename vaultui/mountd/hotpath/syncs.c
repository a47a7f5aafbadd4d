/* Syncs: what a file or a directory has in memory goes to the disk, in threads of their own.
 *
 * They may take seconds, and others go on meanwhile. Here are those that nothing else has to be
 * synced for, as Durability.before_file and .before_directory would find; the rest is COLD. A
 * thread touches no object of Python, and has a descriptor of its own.
 */

#include "hotpath.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    THREADS_MAX = 4,
    CHILDREN_MAX = 64, /* Directories with something unsynced that are looked at one by one. */
};

typedef struct Sync {
    struct Sync *next;
    uint64_t unique; /* of the request */
    int fd;
    bool data_only;
} Sync;

/* There is one mount in a process, so there is one queue. Threads may outlive the Hot. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_waits = PTHREAD_COND_INITIALIZER;
static Sync *first, **last = &first;
static int threads, idle_threads;
static int fuse_fd = -1; /* -1 too once the connection has ended, when its number may be another's */

void end_syncs(void)
{
    pthread_mutex_lock(&lock);
    fuse_fd = -1;
    pthread_mutex_unlock(&lock);
}

static void *run(void *nothing)
{
    (void)nothing;
    pthread_mutex_lock(&lock);
    for (;;) {
        struct fuse_out_header header = {.len = sizeof header};
        Sync *sync;
        int failed;

        while (!first) {
            idle_threads++;
            pthread_cond_wait(&work_waits, &lock);
            idle_threads--;
        }
        sync = first;
        first = sync->next;
        if (!first)
            last = &first;
        pthread_mutex_unlock(&lock);

        failed = (sync->data_only ? fdatasync(sync->fd) : fsync(sync->fd)) < 0 ? errno : 0;
        close(sync->fd);
        header.error = -failed;
        header.unique = sync->unique;
        free(sync);

        pthread_mutex_lock(&lock);
        if (fuse_fd >= 0) {
            ssize_t done = write(fuse_fd, &header, sizeof header);

            (void)done; /* as in reply_error */
        }
    }
    return NULL;
}

static bool start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    bool is_started;

    /* Signals are for the threads of Python. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    is_started = pthread_create(&thread, &attributes, run, NULL) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

/* Has `fd` synced, and the request answered; the descriptor stays the caller's. */
static Outcome sync_soon(Hot *hot, const Request *request, int fd, uint32_t flags)
{
    Sync *sync = malloc(sizeof *sync);
    bool is_taken = false;

    if (!sync)
        return COLD;
    *sync = (Sync){.unique = request->unique,
                   .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
                   .data_only = flags & FUSE_FSYNC_FDATASYNC};
    if (sync->fd >= 0) {
        pthread_mutex_lock(&lock);
        if (!idle_threads && threads < THREADS_MAX && start_thread())
            threads++;
        if (threads) {
            fuse_fd = hot->fd;
            *last = sync;
            last = &sync->next;
            pthread_cond_signal(&work_waits);
            is_taken = true;
        }
        pthread_mutex_unlock(&lock);
    }
    if (!is_taken) {
        if (sync->fd >= 0)
            close(sync->fd);
        free(sync);
    }
    return is_taken ? ANSWERED : COLD;
}

/* Tells whether nothing on the path of `node` has to be synced with it: Durability._add_path. */
static bool is_path_synced(const Hot *hot, PyObject *node)
{
    if (!is_none(slot(node, hot->node.children)) && !is_none(slot(node, hot->node.unsynced)))
        return false;
    for (PyObject *above = slot(node, hot->node.parent); !is_none(above);
         above = slot(above, hot->node.parent))
        if (!is_none(slot(above, hot->node.unsynced)))
            return false;
    return true;
}

/* Tells whether no directory in `node` has a new IV. */
static bool are_children_synced(const Hot *hot, PyObject *node)
{
    Py_ssize_t at = 0;
    PyObject *other;

    if (PyDict_GET_SIZE(hot->unsynced) > CHILDREN_MAX)
        return false;
    while (PyDict_Next(hot->unsynced, &at, &other, NULL))
        if (slot(other, hot->node.parent) == node)
            return false;
    return true;
}

Outcome hot_fsync(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_fsync_in *in = argument;
    PyObject *handle, *node;

    if (size < sizeof *in || is_none(hot->unsynced) ||
        !(handle = item_of(hot->file_handles, in->fh)))
        return COLD;
    node = slot(slot(handle, hot->file_handle.file), hot->open_file.node);
    if (PyDict_GET_SIZE(hot->unsynced) && !is_path_synced(hot, node))
        return COLD;
    return sync_soon(hot, request, fd_of(handle, hot->file_handle.fd), in->fsync_flags);
}

Outcome hot_fsyncdir(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_fsync_in *in = argument;
    PyObject *handle, *node, *directory;
    Outcome outcome = COLD;

    if (size < sizeof *in || is_none(hot->unsynced) ||
        !(handle = item_of(hot->dir_handles, in->fh)))
        return COLD;
    node = slot(handle, hot->dir_handle.node);
    if (PyDict_GET_SIZE(hot->unsynced) &&
        (!is_path_synced(hot, node) || !are_children_synced(hot, node)))
        return COLD;
    if (!(directory = enter_directory(hot, node)))
        return COLD;
    if (slot(directory, hot->directory.readable) == Py_True)
        outcome = sync_soon(hot, request, fd_of(directory, hot->directory.fd), in->fsync_flags);
    Py_DECREF(directory);
    return outcome;
}
