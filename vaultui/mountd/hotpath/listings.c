/* Listings of directories: taken whole when they begin, and handed out with attributes.
 *
 * The kernel may keep a listing that it got to its end, and show it once more to who opens the
 * directory soon after, if nothing in it has changed since: Node.listed has its stamp. What can't
 * be told apart by a stamp (a change in the same tick of the clock as the one before the listing)
 * is never kept.
 */

#include "hotpath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    DOTS = 2,    /* cookies 1 and 2 come after "." and "..", cookie n + 2 after the nth entry */
    BATCH = 128, /* entries whose attributes are asked for in one go */
};

/* As in openfiles.py: file times come from a clock that moves 100 to 1000 times a second. */
static const int64_t CLOCK_TICK_NS = 20000000;
/* Of ext3 whole seconds are kept, and of FAT every other one. */
static const int64_t COARSE_TICK_NS = INT64_C(2100000000);

static const char OWN_PREFIX[] = "gocryptfs.";
static const char LONG_PREFIX[] = "gocryptfs.longname.";
static const char NAME_SUFFIX[] = ".name";
static const char IV_NAME[] = "gocryptfs.diriv";
static const char CONF_NAME[] = "gocryptfs.conf";

static bool starts_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && !strcmp(text + size - end_size, end);
}

/* --- taking a listing -------------------------------------------------------------------- */

typedef enum {
    HIDDEN,    /* a file of the volume's own */
    SHOWN,     /* under the name that was found */
    UNDECIDED, /* Python must look at the whole listing */
} Shown;

/* EntryNames.shown for an entry with a hashed name: a new reference in `*name`. */
static Shown long_name(Hot *hot, PyObject *directory, const char *cname, PyObject **name)
{
    *name = PyObject_CallMethod(hot->entry_names, "shown", "Oy", directory, cname);
    if (!*name || !PyBytes_Check(*name)) {
        Py_CLEAR(*name);
        PyErr_Clear();
        return UNDECIDED;
    }
    return SHOWN;
}

/* EntryNames.shown */
static Shown shown(Hot *hot, PyObject *directory, const char *cname, size_t size, PyObject **name)
{
    bool in_root = slot(directory, hot->directory.is_root) == Py_True;
    uint8_t plain[NAME_PLAIN_MAX + 1];
    PyObject *iv;
    Py_ssize_t plain_size;

    if (!strcmp(cname, CONF_NAME) && in_root)
        return HIDDEN;
    if (hot->are_names_plain) {
        *name = PyBytes_FromStringAndSize(cname, (Py_ssize_t)size);
        return *name ? SHOWN : UNDECIDED;
    }
    if (hot->shows_copies && may_be_copy(cname))
        return UNDECIDED;
    if (starts_with(cname, OWN_PREFIX)) {
        if (!strcmp(cname, IV_NAME) && hot->uses_dir_iv)
            return HIDDEN;
        if (starts_with(cname, LONG_PREFIX))
            return ends_with(cname, NAME_SUFFIX) ? HIDDEN
                                                 : long_name(hot, directory, cname, name);
        return UNDECIDED;
    }
    iv = slot(directory, hot->directory.iv);
    plain_size = hot->crypto->decrypt_name(hot->names, (const uint8_t *)PyBytes_AS_STRING(iv),
                                           (const uint8_t *)cname, size, plain);
    if (plain_size <= 0)
        return UNDECIDED;
    *name = PyBytes_FromStringAndSize((const char *)plain, plain_size);
    return *name ? SHOWN : UNDECIDED;
}

static bool append_pair(PyObject *list, PyObject *name, const char *cname, size_t size)
{
    PyObject *stored = PyBytes_FromStringAndSize(cname, (Py_ssize_t)size);
    PyObject *pair = stored ? PyTuple_Pack(2, name, stored) : NULL;
    bool is_appended = pair && PyList_Append(list, pair) == 0;

    Py_XDECREF(pair);
    Py_XDECREF(stored);
    return is_appended;
}

/* Adds all entries from where `fd` stands. */
static bool list_rest(Hot *hot, PyObject *directory, int fd, PyObject *list)
{
    for (;;) {
        ssize_t size;

        UNLOCKED(size = getdents64(fd, hot->cipher, (size_t)RUN_BLOCKS * CIPHER_BLOCK));
        if (size <= 0)
            return size == 0;
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(hot->cipher + at);
            size_t length = strlen(entry->d_name);
            PyObject *name = NULL;
            Shown how;
            bool is_done;

            at += entry->d_reclen;
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
                continue;
            how = shown(hot, directory, entry->d_name, length, &name);
            if (how == HIDDEN)
                continue;
            is_done = how == SHOWN && append_pair(list, name, entry->d_name, length);
            Py_XDECREF(name);
            if (!is_done)
                return false;
        }
    }
}

/* Directories.list where every name is plainly one or plainly none: a new reference, or NULL. */
static PyObject *list_here(Hot *hot, PyObject *directory)
{
    int fd = fd_of(directory, hot->directory.fd);
    PyObject *list;
    bool is_whole;

    if (!hot->are_names_plain && PyBytes_GET_SIZE(slot(directory, hot->directory.iv)) != 16)
        return NULL;
    if (!(list = PyList_New(0)))
        return NULL;
    is_whole = lseek(fd, 0, SEEK_SET) == 0 && list_rest(hot, directory, fd, list);
    /* os.listdir begins where the descriptor stands, and leaves it at the start as well. */
    if (lseek(fd, 0, SEEK_SET) < 0)
        is_whole = false;
    if (!is_whole)
        Py_CLEAR(list);
    return list;
}

/* Whether any later change of the directory gives it another stamp. */
static bool is_quiet(const struct stat *status)
{
    /* Nobody sets a ctime: without a fraction it is of a disk that keeps none. */
    int64_t tick = status->st_ctim.tv_nsec ? CLOCK_TICK_NS : COARSE_TICK_NS;
    int64_t now = wall_ns();

    return ns_of(&status->st_mtim) + tick < now && ns_of(&status->st_ctim) + tick < now;
}

/* Takes the listing of `handle` as it is now. */
static bool begin(Hot *hot, PyObject *handle, PyObject *directory)
{
    PyObject *began = NULL, *list;
    struct stat status;

    if (slot(directory, hot->directory.readable) != Py_True)
        return false;
    if (fstat(fd_of(directory, hot->directory.fd), &status) == 0 && is_quiet(&status))
        began = Py_BuildValue("(LLd)", (long long)ns_of(&status.st_mtim),
                              (long long)ns_of(&status.st_ctim), monotonic());
    if (PyErr_Occurred())
        PyErr_Clear();
    list = list_here(hot, directory);
    if (list) {
        set_bool(handle, hot->dir_handle.is_whole, true);
    } else {
        PyObject *answer;

        PyErr_Clear();
        answer = PyObject_CallMethod(hot->directories, "list", "O", directory);
        if (!answer || !PyTuple_Check(answer) || PyTuple_GET_SIZE(answer) != 2) {
            Py_XDECREF(answer);
            Py_XDECREF(began);
            PyErr_Clear();
            return false;
        }
        list = Py_NewRef(PyTuple_GET_ITEM(answer, 0));
        set_slot(handle, hot->dir_handle.is_whole, Py_NewRef(PyTuple_GET_ITEM(answer, 1)));
        Py_DECREF(answer);
    }
    set_slot(handle, hot->dir_handle.entries, list);
    set_slot(handle, hot->dir_handle.began, began ? began : Py_NewRef(Py_None));
    return true;
}

/* --- handing it out ----------------------------------------------------------------------- */

/* The answer that is being made in hot->plain. */
typedef struct {
    size_t used, room;
    bool has_nodes; /* references were taken, so it must go out */
} Page;

static size_t room_for(size_t name_size)
{
    return FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + name_size);
}

static void pack(Hot *hot, Page *page, PyObject *node, const struct fuse_attr *attributes,
                 const char *name, size_t name_size, uint64_t cookie)
{
    struct fuse_direntplus *entry = (void *)(hot->plain + page->used);
    size_t room = room_for(name_size);
    size_t size = FUSE_NAME_OFFSET_DIRENTPLUS + name_size;

    fill_entry(hot, node, attributes, &entry->entry_out);
    entry->dirent.ino = attributes->ino;
    entry->dirent.off = cookie;
    entry->dirent.namelen = (uint32_t)name_size;
    entry->dirent.type = (attributes->mode & S_IFMT) >> 12;
    memcpy(entry->dirent.name, name, name_size);
    memset((uint8_t *)entry + size, 0, room - size);
    page->used += room;
}

/* "." or "..", of which the kernel makes no lookup. False where Python must decide. */
static bool pack_dots(Hot *hot, Page *page, PyObject *node, uint64_t cookie)
{
    struct fuse_attr attributes;
    struct stat status;

    if (page->used + room_for(cookie) > page->room)
        return true;
    if (!status_of(hot, node, &status) || !attributes_of(hot, node, &status, &attributes))
        return false;
    pack(hot, page, node, &attributes, "..", cookie, cookie);
    return true;
}

/* An entry, with one reference on its node. False where Python must decide; nothing was changed. */
static bool pack_entry(Hot *hot, Page *page, PyObject *parent, PyObject *name, PyObject *cname,
                       const struct stat *status, uint64_t cookie)
{
    struct fuse_attr attributes;
    PyObject *node;

    if (hot->symlink_sizes < 0 && S_ISLNK(status->st_mode))
        return false;
    node = adopt(hot, parent, PyBytes_AS_STRING(cname), (size_t)PyBytes_GET_SIZE(cname),
                 PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name), status);
    if (!node)
        return false;
    if (!attributes_of(hot, node, status, &attributes) || !add_references(hot, node, 1)) {
        drop_if_unused(hot, node);
        return false;
    }
    pack(hot, page, node, &attributes, PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name),
         cookie);
    page->has_nodes = true;
    return true;
}

/* How many entries from `index` on fit, at most BATCH. */
static Py_ssize_t fitting(const Page *page, PyObject *entries, Py_ssize_t index)
{
    Py_ssize_t count = PyList_GET_SIZE(entries) - index;
    size_t used = page->used;

    if (count > BATCH)
        count = BATCH;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(entries, index + i), 0);

        used += room_for((size_t)PyBytes_GET_SIZE(name));
        if (used > page->room)
            return i;
    }
    return count;
}

/* Packs entries from `*index` on until the page is full or they end. False where Python must go on
 * at `*index`. */
static bool pack_entries(Hot *hot, Page *page, PyObject *node, PyObject *directory,
                         PyObject *entries, Py_ssize_t *index)
{
    struct stat statuses[BATCH];
    int errors[BATCH];
    Py_ssize_t count;

    while ((count = fitting(page, entries, *index)) > 0) {
        const char *cnames[BATCH];
        int fd = fd_of(directory, hot->directory.fd);

        if (fd < 0)
            return false;
        for (Py_ssize_t i = 0; i < count; i++) /* kept by `entries` */
            cnames[i] = PyBytes_AS_STRING(
                PyTuple_GET_ITEM(PyList_GET_ITEM(entries, *index + i), 1));
        UNLOCKED(for (Py_ssize_t i = 0; i < count; i++) {
            errors[i] = fstatat(fd, cnames[i], &statuses[i], AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
        });
        for (Py_ssize_t i = 0; i < count; i++, (*index)++) {
            PyObject *pair = PyList_GET_ITEM(entries, *index);

            if (errors[i] == ENOENT)
                continue; /* gone since the listing was taken */
            if (errors[i] || !pack_entry(hot, page, node, PyTuple_GET_ITEM(pair, 0),
                                         PyTuple_GET_ITEM(pair, 1), &statuses[i],
                                         (uint64_t)*index + DOTS + 1))
                return false;
        }
    }
    return true;
}

Outcome hot_readdirplus(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_read_in *in = argument;
    PyObject *handle, *node, *above, *directory = NULL, *entries = NULL;
    Page page = {0};
    Py_ssize_t index;
    Outcome outcome = COLD;
    bool is_done;

    if (size < sizeof *in || !(handle = Py_XNewRef(item_of(hot->dir_handles, in->fh))))
        return COLD;
    page.room = in->size < RUN_BLOCKS * PLAIN_BLOCK ? in->size : RUN_BLOCKS * PLAIN_BLOCK;
    node = Py_NewRef(slot(handle, hot->dir_handle.node));
    if (is_none(slot(node, hot->node.children)) ||
        !(directory = directory_with_iv(hot, node, false)))
        goto out;
    if ((in->offset == 0 || is_none(slot(handle, hot->dir_handle.entries))) &&
        !begin(hot, handle, directory))
        goto out;
    entries = Py_NewRef(slot(handle, hot->dir_handle.entries));
    if (!PyList_CheckExact(entries) || in->offset > (uint64_t)PyList_GET_SIZE(entries) + DOTS ||
        (in->offset == (uint64_t)PyList_GET_SIZE(entries) + DOTS &&
         slot(handle, hot->dir_handle.is_whole) != Py_True))
        goto out;
    above = slot(node, hot->node.parent);
    if (is_none(above))
        above = hot->root;
    if ((in->offset < 1 && !pack_dots(hot, &page, node, 1)) ||
        (in->offset < 2 && !pack_dots(hot, &page, above, 2)))
        goto out;
    index = in->offset > DOTS ? (Py_ssize_t)in->offset - DOTS : 0;
    is_done = pack_entries(hot, &page, node, directory, entries, &index);
    if (!is_done && !page.has_nodes)
        goto out;
    if (!page.used && index >= PyList_GET_SIZE(entries)) {
        /* The end: the kernel has all of it by now. */
        set_slot(node, hot->node.listed, Py_NewRef(slot(handle, hot->dir_handle.began)));
    }
    outcome = reply(hot, request, hot->plain, page.used);
out:
    Py_XDECREF(entries);
    Py_XDECREF(directory);
    Py_DECREF(node);
    Py_DECREF(handle);
    return outcome;
}

/* --- opening and closing ------------------------------------------------------------------ */

/* What the kernel may do with the listings that it has, or is about to get. */
static uint32_t cache_flags(Hot *hot, PyObject *node, PyObject *directory)
{
    PyObject *listed = slot(node, hot->node.listed);
    uint64_t device = u64_of(PyTuple_GET_ITEM(slot(hot->root, hot->node.key), 0));
    double believed_s = (double)hot->cache_s + hot->cache_ns * 1e-9;
    struct stat status;

    /* A server has a clock of its own, and so has what is mounted further down. */
    if (hot->is_local && believed_s > 0 &&
        fstat(fd_of(directory, hot->directory.fd), &status) == 0 && status.st_dev == device) {
        if (!is_none(listed) && i64_of(PyTuple_GET_ITEM(listed, 0)) == ns_of(&status.st_mtim) &&
            i64_of(PyTuple_GET_ITEM(listed, 1)) == ns_of(&status.st_ctim) &&
            /* Half of the time: once the kernel no longer believes what came with the listing, it
             * has to ask for each entry, and a listing anew is cheaper. */
            monotonic() - PyFloat_AS_DOUBLE(PyTuple_GET_ITEM(listed, 2)) < believed_s / 2)
            return FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
        if (is_quiet(&status)) {
            set_slot(node, hot->node.listed, Py_NewRef(Py_None));
            return FOPEN_CACHE_DIR;
        }
    }
    set_slot(node, hot->node.listed, Py_NewRef(Py_None));
    return 0;
}

Outcome hot_opendir(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *node = node_of(hot, request->nodeid);
    PyObject *directory, *handle = NULL, *number = NULL;
    struct fuse_open_out out = {0};

    (void)argument, (void)size;
    if (!node || is_none(slot(node, hot->node.children)) ||
        !(directory = directory_with_iv(hot, node, false)))
        return COLD;
    if (slot(directory, hot->directory.readable) == Py_True &&
        (handle = PyObject_CallOneArg((PyObject *)hot->dir_handle.type, node)))
        number = PyObject_CallMethod(hot->dir_handles, "add", "O", handle);
    if (number) {
        out.fh = u64_of(number);
        out.open_flags = cache_flags(hot, node, directory);
    }
    Py_XDECREF(handle);
    Py_DECREF(directory);
    if (!number)
        return COLD;
    Py_DECREF(number);
    return reply(hot, request, &out, sizeof out);
}

Outcome hot_releasedir(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_release_in *in = argument;
    PyObject *number = size < sizeof *in ? NULL : PyLong_FromUnsignedLongLong(in->fh);
    bool is_gone = number && PyDict_DelItem(hot->dir_handles, number) == 0;

    Py_XDECREF(number);
    return is_gone ? reply(hot, request, NULL, 0) : COLD;
}
