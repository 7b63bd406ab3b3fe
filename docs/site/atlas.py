def make(write):
    write("lws/index", "# What lws does\n\ntodo\n")
    return {"text": "What lws does", "collapsed": True, "items": [{"text": "Overview", "link": "/lws/"}]}
