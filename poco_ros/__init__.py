"""POCO for ROS 2: people's SMPL bodies with a confidence, from camera images.

The generated message package has the same name. Joining the search paths keeps ``poco_ros.msg``
importable also where this source folder comes first on ``sys.path`` (a checkout used in place).
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
