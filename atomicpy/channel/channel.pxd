# Channel for the other modules of this folder: see channel.pyx.

from atomicpy.channel.waiting cimport ap_channel


cdef class Channel:
    cdef ap_channel channel
    cdef object __weakref__


cdef int refuse_send(Channel ch) except -1
