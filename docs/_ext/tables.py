"""Tables that are data elsewhere: the page's five questions about every objective, and the stored benchmark."""


def setup(app):
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
