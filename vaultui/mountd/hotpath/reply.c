/* Answers to the kernel. Layouts are those of linux/fuse.h. */

#include "hotpath.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

Outcome reply_parts(Hot *hot, const Request *request, struct iovec *parts, int count)
{
    struct fuse_out_header header = {.unique = request->unique};
    size_t size = sizeof header;

    for (int i = 1; i < count; i++)
        size += parts[i].iov_len;
    header.len = (uint32_t)size;
    parts[0] = (struct iovec){.iov_base = &header, .iov_len = sizeof header};
    /* ENOENT: whoever asked was killed meanwhile. ENODEV: the mount is gone, as the next read says.
     * Anything else is a mistake of ours, and must not leave somebody waiting. */
    if (writev(hot->fd, parts, count) < 0 && errno != ENOENT && errno != ENODEV && count > 1)
        return reply_error(hot, request, EIO);
    return ANSWERED;
}

Outcome reply(Hot *hot, const Request *request, const void *payload, size_t size)
{
    struct iovec parts[2] = {{0}, {.iov_base = (void *)payload, .iov_len = size}};

    return reply_parts(hot, request, parts, size ? 2 : 1);
}

Outcome reply_error(Hot *hot, const Request *request, int number)
{
    struct fuse_out_header header = {
        .len = sizeof header, .error = -number, .unique = request->unique};
    ssize_t done = write(hot->fd, &header, sizeof header);

    (void)done; /* as above, and nothing is left to be said */
    return ANSWERED;
}

Outcome reply_attributes(Hot *hot, const Request *request, const struct fuse_attr *attributes)
{
    struct fuse_attr_out out = {
        .attr_valid = hot->cache_s, .attr_valid_nsec = hot->cache_ns, .attr = *attributes};

    return reply(hot, request, &out, sizeof out);
}

bool attributes_of(Hot *hot, PyObject *node, const struct stat *status, struct fuse_attr *out)
{
    mode_t kind = status->st_mode & S_IFMT;
    uint64_t size = (uint64_t)status->st_size;

    if (kind == S_IFREG) {
        PyObject *shown = slot(node, hot->node.shown_size);
        PyObject *set_id = status->st_mode & (S_ISUID | S_ISGID) ? Py_True : Py_False;

        size = plain_size(hot, size);
        if (u64_of(shown) != size && !set_i64(node, hot->node.shown_size, (int64_t)size))
            return false;
        if (slot(node, hot->node.set_id) != set_id)
            set_slot(node, hot->node.set_id, Py_NewRef(set_id));
    } else if (kind == S_IFLNK && hot->symlink_sizes) {
        if (hot->symlink_sizes < 0 && size)
            return false;
        size = size * 3 / 4;
        size = size > hot->overhead ? size - hot->overhead : 0;
    }
    *out = (struct fuse_attr){
        .ino = u64_of(slot(node, hot->node.ino)),
        .size = size,
        .blocks = (uint64_t)status->st_blocks,
        .atime = (uint64_t)status->st_atim.tv_sec,
        .mtime = (uint64_t)status->st_mtim.tv_sec,
        .ctime = (uint64_t)status->st_ctim.tv_sec,
        .atimensec = (uint32_t)status->st_atim.tv_nsec,
        .mtimensec = (uint32_t)status->st_mtim.tv_nsec,
        .ctimensec = (uint32_t)status->st_ctim.tv_nsec,
        .mode = status->st_mode,
        .nlink = (uint32_t)status->st_nlink,
        .uid = hot->has_owner ? hot->owner_uid : status->st_uid,
        .gid = hot->has_owner ? hot->owner_gid : status->st_gid,
        .rdev = (uint32_t)status->st_rdev,
        .blksize = (uint32_t)status->st_blksize,
    };
    return true;
}

void fill_entry(Hot *hot, PyObject *node, const struct fuse_attr *attributes,
                struct fuse_entry_out *entry)
{
    *entry = (struct fuse_entry_out){
        .nodeid = attributes->ino,
        .generation = u64_of(slot(node, hot->node.generation)),
        .entry_valid = hot->cache_s,
        .attr_valid = hot->cache_s,
        .entry_valid_nsec = hot->cache_ns,
        .attr_valid_nsec = hot->cache_ns,
        .attr = *attributes,
    };
}
