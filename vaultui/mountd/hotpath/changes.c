/* What makes, moves and removes entries.
 *
 * A rename of what is plain is done here. All others are calls of the same methods in Python that
 * the handlers call, with the answer made here: what such a change costs is mostly its system calls
 * and the order that they must have, of which there is to be one description.
 */

#include "hotpath.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- calls of Python ---------------------------------------------------------------------- */

/* Lets `Names.encrypt` find what is encrypted here in a fraction of the time. Nothing depends on it. */
static void prime(Hot *hot, PyObject *parent, const char *name)
{
    static PyObject *note;
    PyObject *directory, *iv, *plain = NULL, *text = NULL, *done = NULL;
    char cname[256];
    Py_ssize_t size;

    if (is_none(hot->known_names) || (!note && !(note = PyUnicode_InternFromString("note"))))
        return;
    if (!(directory = directory_with_iv(hot, parent, false)))
        return;
    size = name_on_disk(hot, directory, name, cname);
    if (size > 0) {
        iv = slot(directory, hot->directory.iv); /* kept by its directory */
        plain = PyBytes_FromString(name);
        text = PyBytes_FromStringAndSize(cname, size);
        if (plain && text)
            done = PyObject_CallMethodObjArgs(hot->known_names, note, plain, iv, text, NULL);
    }
    Py_DECREF(directory);
    Py_XDECREF(plain);
    Py_XDECREF(text);
    Py_XDECREF(done);
    PyErr_Clear();
}

/* Sends the errno of the exception that is set. By now something may have been changed. */
static Outcome refuse(Hot *hot, const Request *request)
{
    int number;

    if (!PyErr_ExceptionMatches(PyExc_OSError)) {
        PyErr_WriteUnraisable(hot->tree);
        return reply_error(hot, request, EIO);
    }
    number = errno_of_exception();
    return reply_error(hot, request, number ? number : EIO);
}

/* The answer to what returned nothing. `done` is taken over. */
static Outcome reply_done(Hot *hot, const Request *request, PyObject *done)
{
    if (!done)
        return refuse(hot, request);
    Py_DECREF(done);
    return reply(hot, request, NULL, 0);
}

/* The answer to what returned Attributes of a new entry, with a reference taken, as all of those
 * do. `made` is taken over. */
static Outcome reply_entry(Hot *hot, const Request *request, PyObject *made)
{
    PyObject *ino = made ? PyObject_GetAttrString(made, "ino") : NULL;
    PyObject *node = ino ? node_of(hot, u64_of(ino)) : NULL;
    struct fuse_entry_out entry;
    struct fuse_attr attributes;
    struct stat status;

    Py_XDECREF(made);
    Py_XDECREF(ino);
    if (!made)
        return refuse(hot, request);
    if (!node)
        return reply_error(hot, request, EIO);
    if (!status_of(hot, node, &status) || !attributes_of(hot, node, &status, &attributes)) {
        /* Gone already, behind our back. */
        if (add_references(hot, node, -1))
            drop_if_unused(hot, node);
        return reply_error(hot, request, EIO);
    }
    fill_entry(hot, node, &attributes, &entry);
    return reply(hot, request, &entry, sizeof entry);
}

/* The strings of a request, which lie one behind the other; false where there are not `count`. */
static bool strings_in(const void *argument, size_t size, const char **strings, int count)
{
    const char *at = argument, *end = at + size;

    for (int i = 0; i < count; i++) {
        const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

        if (!nul || nul == at)
            return false;
        strings[i] = at;
        at = nul + 1;
    }
    return true;
}

static PyObject *directory_node(Hot *hot, uint64_t ino)
{
    PyObject *node = node_of(hot, ino);

    return node && !is_none(slot(node, hot->node.children)) ? node : NULL;
}

/* --- making and removing ------------------------------------------------------------------ */

Outcome hot_mkdir(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_mkdir_in *in = argument;
    PyObject *parent = directory_node(hot, request->nodeid);
    const char *name;

    if (!hot->creates || !parent || size < sizeof *in ||
        !strings_in(in + 1, size - sizeof *in, &name, 1))
        return COLD;
    prime(hot, parent, name);
    return reply_entry(hot, request,
                       PyObject_CallMethod(hot->tree, "mkdir", "KyI",
                                           (unsigned long long)request->nodeid, name,
                                           (unsigned)((in->mode & ~(unsigned)S_IFMT) | S_IFDIR)));
}

Outcome hot_symlink(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *parent = directory_node(hot, request->nodeid);
    const char *words[2]; /* the name, and where it leads to */

    if (!hot->creates || hot->symlink_sizes < 0 || !parent ||
        !strings_in(argument, size, words, 2))
        return COLD;
    prime(hot, parent, words[0]);
    return reply_entry(hot, request,
                       PyObject_CallMethod(hot->tree, "symlink", "Kyy",
                                           (unsigned long long)request->nodeid, words[0],
                                           words[1]));
}

Outcome hot_link(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_link_in *in = argument;
    PyObject *parent = directory_node(hot, request->nodeid);
    PyObject *node = size < sizeof *in ? NULL : node_of(hot, in->oldnodeid);
    const char *name;

    if (!hot->creates || !parent || !node || !strings_in(in + 1, size - sizeof *in, &name, 1) ||
        (hot->symlink_sizes < 0 && S_ISLNK(i64_of(slot(node, hot->node.kind)))))
        return COLD;
    prime(hot, parent, name);
    return reply_entry(hot, request,
                       PyObject_CallMethod(hot->tree, "link", "KKy",
                                           (unsigned long long)in->oldnodeid,
                                           (unsigned long long)request->nodeid, name));
}

Outcome hot_rmdir(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *parent = directory_node(hot, request->nodeid);
    const char *name;

    if (!parent || !strings_in(argument, size, &name, 1))
        return COLD;
    prime(hot, parent, name);
    return reply_done(hot, request,
                      PyObject_CallMethod(hot->tree, "rmdir", "Ky",
                                          (unsigned long long)request->nodeid, name));
}

/* --- renaming ----------------------------------------------------------------------------- */

/* The two entries of a rename. All but the strings are owned. */
typedef struct {
    PyObject *old_parent, *parent;       /* nodes */
    PyObject *old_directory, *directory; /* open */
    PyObject *old, *new;                 /* names on disk */
    PyObject *node;                      /* what is renamed */
    const char *name;                    /* its new one */
} Move;

static void end(Move *move)
{
    Py_XDECREF(move->old_parent);
    Py_XDECREF(move->parent);
    Py_XDECREF(move->old_directory);
    Py_XDECREF(move->directory);
    Py_XDECREF(move->old);
    Py_XDECREF(move->new);
    Py_XDECREF(move->node);
}

static PyObject *stored_name(Hot *hot, PyObject *directory, const char *name)
{
    char cname[256];
    Py_ssize_t size = name_on_disk(hot, directory, name, cname);

    return size < 0 ? NULL : PyBytes_FromStringAndSize(cname, size);
}

/* Whether this is a rename that DirOps.rename does by one system call and without another look:
 * of something known, to a name that nothing has, or only another file. */
static bool is_plain(Hot *hot, Move *move, const char *old_name)
{
    PyObject *other;

    if (!(move->old_directory = directory_with_iv(hot, move->old_parent, true)))
        return false;
    move->directory = move->parent == move->old_parent
                          ? Py_NewRef(move->old_directory)
                          : directory_with_iv(hot, move->parent, true);
    if (!move->directory || !(move->old = stored_name(hot, move->old_directory, old_name)) ||
        !(move->new = stored_name(hot, move->directory, move->name)))
        return false;
    move->node = Py_XNewRef(PyDict_GetItem(slot(move->old_parent, hot->node.children), move->old));
    other = PyDict_GetItem(slot(move->parent, hot->node.children), move->new);
    if (!move->node || move->node == other)
        return false;
    return !other || (is_none(slot(other, hot->node.children)) &&
                      is_none(slot(move->node, hot->node.children)) &&
                      PyObject_RichCompareBool(slot(other, hot->node.key),
                                               slot(move->node, hot->node.key), Py_EQ) == 0);
}

static bool rename_here(Hot *hot, Move *move, const char *old_name)
{
    PyObject *done;
    int failed;

    if (hot->read_only || !hot->keeps_order || !is_plain(hot, move, old_name))
        return false;
    UNLOCKED(failed = renameat(fd_of(move->old_directory, hot->directory.fd),
                               PyBytes_AS_STRING(move->old),
                               fd_of(move->directory, hot->directory.fd),
                               PyBytes_AS_STRING(move->new)));
    if (failed)
        return false;
    note_removed(hot, move->parent, move->new);
    done = PyObject_CallMethod(hot->inodes, "move", "OOOOOy", move->node, move->old_parent,
                               move->old, move->parent, move->new, move->name);
    if (!done)
        PyErr_WriteUnraisable(hot->inodes);
    Py_XDECREF(done);
    return true;
}

static Outcome rename_entry(Hot *hot, const Request *request, uint64_t new_parent, unsigned flags,
                            const char *names[2])
{
    Move move = {.old_parent = Py_XNewRef(directory_node(hot, request->nodeid)),
                 .parent = Py_XNewRef(directory_node(hot, new_parent)),
                 .name = names[1]};
    Outcome outcome = COLD;

    if (move.old_parent && move.parent) {
        if (!flags && rename_here(hot, &move, names[0])) {
            outcome = reply(hot, request, NULL, 0);
        } else {
            PyErr_Clear();
            prime(hot, move.old_parent, names[0]);
            prime(hot, move.parent, names[1]);
            outcome = reply_done(hot, request,
                                 PyObject_CallMethod(hot->tree, "rename", "KyKyI",
                                                     (unsigned long long)request->nodeid, names[0],
                                                     (unsigned long long)new_parent, names[1],
                                                     flags));
        }
    }
    end(&move);
    return outcome;
}

Outcome hot_rename(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_rename_in *in = argument;
    const char *names[2];

    if (size < sizeof *in || !strings_in(in + 1, size - sizeof *in, names, 2))
        return COLD;
    return rename_entry(hot, request, in->newdir, 0, names);
}

Outcome hot_rename2(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_rename2_in *in = argument;
    const char *names[2];

    if (size < sizeof *in || !strings_in(in + 1, size - sizeof *in, names, 2))
        return COLD;
    return rename_entry(hot, request, in->newdir, in->flags, names);
}
