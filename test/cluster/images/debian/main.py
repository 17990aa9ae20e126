import subprocess

from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def route():
    print(request.get_data())
    return "ok"


@app.route("/read1")
def read():
    with open("/test1.txt", "r") as f:
        msg = f.read()
    return msg

@app.route("/read2")
def read2():
    with open("/test2.txt", "r") as f:
        msg = f.read()
    return msg


@app.route("/test_read")
def test_read():
    with open("/test.sh", "r") as f:
        msg = f.read()
    return msg



@app.route("/test_write")
def test_write():
    added = "#!/bin/sh\necho 'added line'\n"
    with open("/test.sh", "w") as f:
        f.write(added)
    return "write complete"


@app.route("/test_exec")
def test_exec():
    try:
        ret = subprocess.run(
            ["/test.sh"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if ret.returncode == 0:
            return ret.stdout
        else:
            return ret.stderr
    except Exception as e:
        return str(e)


if __name__ == "__main__":
    app.run(host="0.0.0.0")
